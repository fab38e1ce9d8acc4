package kernel

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -type sighting -type tcp_part -type abort_part -type known_part -type passed_part -type connection -type owner -type peer -type tuple -cflags "-O2 -g -mcpu=v2 -Wall -Werror" probe ../../../bpf/probe.bpf.c -- -I../../../bpf
