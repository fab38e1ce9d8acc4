package bench

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target amd64,arm64 -cflags "-O2 -g -mcpu=v2 -Wall -Werror" compare ../../bpf/compare/compare.bpf.c -- -I../../bpf
