package wire

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// program is a classic BPF program with names instead of distances. Jumps are
// forward only, and to absolute places once it is assembled.
type program struct {
	instructions []bpf.Instruction
	labels       map[string]int
	jumps        []jump
}

// jump is an instruction whose distance is not known yet.
type jump struct {
	at int
	to string
}

func (p *program) add(list ...bpf.Instruction) { p.instructions = append(p.instructions, list...) }

func (p *program) label(name string) { p.labels[name] = len(p.instructions) }

// jumpIf goes to a label if A is val.
func (p *program) jumpIf(val uint32, to string) {
	p.jumps = append(p.jumps, jump{at: len(p.instructions), to: to})
	p.add(bpf.JumpIf{Cond: bpf.JumpEqual, Val: val})
}

// unless goes to a label if A is not val.
func (p *program) unless(val uint32, to string) {
	p.jumps = append(p.jumps, jump{at: len(p.instructions), to: to})
	p.add(bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: val})
}

func (p *program) jump(to string) {
	p.jumps = append(p.jumps, jump{at: len(p.instructions), to: to})
	p.add(bpf.Jump{})
}

// resolve puts the distances in.
func (p *program) resolve() ([]bpf.Instruction, error) {
	for _, j := range p.jumps {
		target, ok := p.labels[j.to]
		distance := target - j.at - 1
		if !ok || distance < 0 || distance > 255 {
			return nil, fmt.Errorf("building the packet filter: jump to %q over %d instructions", j.to, distance)
		}
		switch ins := p.instructions[j.at].(type) {
		case bpf.JumpIf:
			ins.SkipTrue = uint8(distance)
			p.instructions[j.at] = ins
		case bpf.Jump:
			ins.Skip = uint32(distance)
			p.instructions[j.at] = ins
		}
	}
	return p.instructions, nil
}

func (p *program) assemble() ([]unix.SockFilter, error) {
	instructions, err := p.resolve()
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(instructions)
	if err != nil {
		return nil, fmt.Errorf("building the packet filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return filter, nil
}
