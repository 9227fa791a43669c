package sim

import "fmt"

// String is the text form of the event, without its time and process, as in
// "timer 1f" or "receive from 2: proposal lifecycle/a c1.1".
func (ev *Event) String() string {
	switch ev.Kind {
	case Boot:
		return fmt.Sprintf("boot %d", ev.Token)
	case Receive:
		return fmt.Sprintf("receive from %d: %v", ev.From, ev.Message)
	case Timer:
		return fmt.Sprintf("timer %x", ev.Token)
	case DiskDone:
		if ev.Err != nil {
			return fmt.Sprintf("disk done %x: %v", ev.Token, ev.Err)
		}
		return fmt.Sprintf("disk done %x", ev.Token)
	case Invoke:
		return fmt.Sprintf("invoked: %v", ev.Message)
	case SendFailed:
		return fmt.Sprintf("could not be sent to %d: %v", ev.From, ev.Message)
	case Disconnected:
		return fmt.Sprintf("the connection to %d has ended", ev.From)
	}
	return ev.Kind.String()
}
