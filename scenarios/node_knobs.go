package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
)

// NodeKnobs are settings of one node that differ from those of the plan, from one of
// its lives on. A setting that is 0 is the one of the lives before.
type NodeKnobs struct {
	Node        sim.ID `json:"node"`
	Life        int    `json:"life"`                   // the first life with these settings, from 1
	DedupWindow int    `json:"dedup_window,omitempty"` // as in Knobs
	Batch       int    `json:"batch,omitempty"`        // as in Knobs; at most the dedup window counts
	Queue       int    `json:"queue,omitempty"`        // as in Knobs
	Segment     int    `json:"segment,omitempty"`      // as in Knobs

	MachineQuota int `json:"machine_quota,omitempty"` // as in Knobs

	Level int `json:"level,omitempty"` // the format level of its build, from 1: see System.Levels

	// Configured: each life is configured with the created definitions that are chosen
	// when it begins, and so are all later ones.
	Configured bool `json:"configured,omitempty"`
}

// KnobsOf returns the settings of a node in one of its lives, from 1.
func (p *Plan) KnobsOf(id sim.ID, life int) Knobs {
	k := p.Knobs
	for i := range p.NodeKnobs {
		if o := &p.NodeKnobs[i]; o.Node == id && o.Life <= life {
			k.DedupWindow, k.Batch = cmp.Or(o.DedupWindow, k.DedupWindow), cmp.Or(o.Batch, k.Batch)
			k.Queue, k.Segment = cmp.Or(o.Queue, k.Queue), cmp.Or(o.Segment, k.Segment)
			k.MachineQuota = cmp.Or(o.MachineQuota, k.MachineQuota)
		}
	}
	return k
}

// Configures reports whether a node is configured with created definitions in one of its
// lives: see NodeKnobs.Configured.
func (p *Plan) Configures(id sim.ID, life int) bool {
	return slices.ContainsFunc(p.NodeKnobs, func(k NodeKnobs) bool { return k.Configured && k.Node == id && k.Life <= life })
}

func (p *Plan) checkNodeKnobs() error {
	for i := range p.NodeKnobs {
		if err := p.checkNodeKnob(i); err != nil {
			return fmt.Errorf("node_knobs[%d].%w", i, err)
		}
	}
	return nil
}

func (p *Plan) checkNodeKnob(i int) error {
	k := &p.NodeKnobs[i]
	switch {
	case !p.node(k.Node):
		return fmt.Errorf("node: %d: want 1 to %d", k.Node, p.Nodes)
	case k.Life < 1:
		return fmt.Errorf("life: %d: want 1 or more", k.Life)
	case k.DedupWindow < 0 || k.DedupWindow > maxDedupWindow:
		return fmt.Errorf("dedup_window: %d: want 1 to %d, or 0 for no other", k.DedupWindow, maxDedupWindow)
	case k.Batch < 0 || k.Batch > maxDedupWindow:
		return fmt.Errorf("batch: %d: want 1 to %d, or 0 for no other", k.Batch, maxDedupWindow)
	case k.Queue < 0:
		return fmt.Errorf("queue: %d: want 1 or more, or 0 for no other", k.Queue)
	case k.MachineQuota < 0 || k.MachineQuota > 1<<30:
		return fmt.Errorf("machine_quota: %d: want 1 to %d, or 0 for no other", k.MachineQuota, 1<<30)
	case k.Configured && len(p.Created) == 0:
		return errors.New("configured: true: want it only in a plan with created definitions")
	case k.Segment != 0 && (k.Segment < minSegment || k.Segment > maxSegment):
		return fmt.Errorf("segment: %d: want %d to %d bytes, or 0 for no other", k.Segment, minSegment, maxSegment)
	}
	for _, before := range p.NodeKnobs[:i] {
		if before.Node == k.Node && before.Life >= k.Life {
			return fmt.Errorf("life: %d: node %d has settings from life %d on before: want them in the order of lives", k.Life, k.Node, before.Life)
		}
	}
	return p.checkLevel(k)
}

// generateNodeKnobs chooses settings in which nodes differ: as in a cluster whose
// configuration is being changed, node by node, while it runs.
func generateNodeKnobs(c Choices, p *Plan, shape Shape) {
	if shape.Profile == None || !c.Often("node knobs?", 15) {
		return
	}
	for n := range p.Nodes {
		life := 1
		for change := range 2 {
			c := c.Part("node knobs", 2*n+change)
			if !c.Often("other?", 60) {
				continue
			}
			life += int(c.Choose("life", 3))
			k := NodeKnobs{Node: NodeID(n + 1), Life: life}
			k.DedupWindow = 64 >> c.Choose("ring", 7)
			if c.Often("batch?", 50) {
				k.Batch = 1 + int(c.Choose("batch", 16))
			}
			if c.Often("queue?", 30) {
				k.Queue = 1024 >> (2 * c.Choose("queue", 6))
			}
			if c.Often("segment?", 30) {
				k.Segment = 128 << c.Choose("segment", 8)
			}
			if c.Often("machine quota?", 20) {
				k.MachineQuota = 1 + int(c.Choose("machine quota", 3))
			}
			p.NodeKnobs = append(p.NodeKnobs, k)
			life++
		}
	}
}

// generateConfigured has some nodes configured with what clients create, from one of
// their lives on: as where a file of definitions is being handed out, node by node.
func generateConfigured(c Choices, p *Plan) {
	if !c.Often("configured?", 50) {
		return
	}
	for n := range p.Nodes {
		c, id := c.Part("configured", n), NodeID(n+1)
		if !c.Often("configured?", 60) {
			continue
		}
		if i := slices.IndexFunc(p.NodeKnobs, func(k NodeKnobs) bool { return k.Node == id }); i >= 0 {
			p.NodeKnobs[i].Configured = true
			continue
		}
		p.NodeKnobs = append(p.NodeKnobs, NodeKnobs{Node: id, Life: 1 + int(c.Choose("life", 3)), Configured: true})
	}
}

// String describes the settings.
func (k *NodeKnobs) String() string {
	var list []string
	for _, s := range []struct {
		name  string
		value int
	}{{"dedup window", k.DedupWindow}, {"batch", k.Batch}, {"queue", k.Queue}, {"segment", k.Segment}, {"quota of machines", k.MachineQuota}, {"level", k.Level}} {
		if s.value != 0 {
			list = append(list, fmt.Sprintf("%s %d", s.name, s.value))
		}
	}
	if k.Configured {
		list = append(list, "configured with the created definitions that are chosen")
	}
	return fmt.Sprintf("node %d from life %d on: %s", k.Node, k.Life, strings.Join(list, ", "))
}
