// Package systemkit connects the parts of package kit, which know only the simulator, to
// scenarios: a client process that carries out the operations of a plan (NewClient), and
// an oracle as a function over facts (Observer, ViolationError).
//
//	type run struct {
//		systemkit.Observer // implements Observe
//		plan *scenarios.Plan
//	}
//
//	func (r *run) Client(id sim.ID) sim.Process {
//		return systemkit.NewClient(r.plan, id, systemkit.Protocol{Request: request, Reply: reply})
//	}
package systemkit
