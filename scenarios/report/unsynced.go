package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
)

// unsynced follows the changes of files that no sync has made durable, by process. A power loss
// may undo them; what it left of them the trace does not tell.
type unsynced map[sim.ID]*unsyncedOf

type unsyncedOf struct {
	asked []diskRequest // under way, in order
	done  []diskRequest // changes that are done, and not synced
}

// diskRequest is a request with its description.
type diskRequest struct {
	token          uint64
	op, file, text string
}

func (r *diskRequest) isSync() bool { return r.op == "sync" || r.op == "syncdir" }

// ask notes a request.
func (u unsynced) ask(id sim.ID, r diskRequest) {
	if u[id] == nil {
		u[id] = &unsyncedOf{}
	}
	u[id].asked = append(u[id].asked, r)
}

// end notes that a request has ended. Those before it are done: requests end in order, and quiet
// ones are not heard of.
func (u unsynced) end(id sim.ID, token uint64, failed bool) {
	p := u[id]
	if p == nil {
		return
	}
	last := slices.IndexFunc(p.asked, func(r diskRequest) bool { return r.token == token })
	for i, r := range p.asked[:last+1] {
		if i < last || !failed {
			p.carryOut(r)
		}
	}
	p.asked = p.asked[last+1:]
}

// carryOut has a request take effect.
func (p *unsyncedOf) carryOut(r diskRequest) {
	if r.isSync() {
		p.done = slices.DeleteFunc(p.done, func(c diskRequest) bool { return isDurableBy(c, r) })
	} else {
		p.done = append(p.done, r)
	}
}

// isDurableBy reports whether a sync makes a change durable.
func isDurableBy(change, sync diskRequest) bool {
	if change.op == "remove" || change.op == "rename" {
		return sync.op == "syncdir"
	}
	return sync.op == "sync" && sync.file == change.file
}

// endLife forgets the changes of a process that loses its power, and lists them; equal ones are
// one line. After another end of its life they are still there.
func (u unsynced) endLife(id sim.ID, powerLoss bool) (list []string) {
	p := u[id]
	if p == nil {
		return nil
	}
	under := slices.DeleteFunc(p.asked, func(r diskRequest) bool { return r.isSync() })
	if p.asked = nil; !powerLoss {
		p.done = append(p.done, under...)
		return nil
	}
	list = append(countedTexts(p.done, "done"), countedTexts(under, "under way")...)
	p.done = nil
	return list
}

// countedTexts describes requests, equal ones once with their number, in order.
func countedTexts(requests []diskRequest, how string) (list []string) {
	counts := map[string]int{}
	for _, r := range requests {
		if counts[r.text]++; counts[r.text] == 1 {
			list = append(list, r.text)
		}
	}
	for i, text := range list {
		if list[i] = text + ", " + how; counts[text] > 1 {
			list[i] += fmt.Sprintf(", %d times", counts[text])
		}
	}
	return list
}

// lastLossOf tells what the last power loss of each of some nodes may have undone.
func (r *Run) lastLossOf(nodes []sim.ID) (list []Cause) {
	for _, id := range nodes {
		at, texts := -1, []string(nil)
		for i := range r.Marks {
			m := &r.Marks[i]
			if m.Kind != "unsynced" || m.Lane != id || m.Event > r.Violation.Event {
				continue
			}
			if m.Event != at {
				at, texts = m.Event, nil
			}
			texts = append(texts, m.Text)
		}
		if at >= 0 {
			list = append(list, Cause{Event: new(at), Lane: id, Text: "lost power without a sync of: " + strings.Join(texts, "; ")})
		}
	}
	return list
}
