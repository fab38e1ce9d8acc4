package kernel

import "testing"

func TestLoad(t *testing.T) {
	for _, light := range []bool{false, true} {
		cfg := DefaultConfig()
		cfg.Light = light
		p, err := load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v programs %v", *p.features, len(p.links))
		for n, prog := range p.objects.Programs {
			info, _ := prog.Info()
			v, _ := info.VerifiedInstructions()
			t.Log(n, v)
		}
		p.close()
	}
}
