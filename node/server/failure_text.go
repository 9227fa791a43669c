package server

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// failureText explains to people why an operation was not committed, and the remedy.
func failureText(req *node.Request, reply *node.Reply) string {
	key, unknown := req.Key, reply.Outcome == node.Unknown
	switch reply.Reason {
	case node.Illegal:
		text := fmt.Sprintf("%s is in %s, from which %s cannot be reached", key, reply.State, req.To)
		if unknown {
			text += fmt.Sprintf("; an earlier request of %s may yet be carried out, since the machine has no room for another abort tombstone: omit operation, or give expect_version", req.ID)
		}
		return text
	case node.VersionMismatch:
		text := fmt.Sprintf("%s is at version %d, not %d", key, reply.Version, req.Expect)
		if unknown {
			text += fmt.Sprintf("; an earlier request of %s may yet be carried out at that version", req.ID)
		}
		return text
	case node.WindowExpired:
		if !unknown {
			return fmt.Sprintf("the id is too old for %s, which keeps only its last entries: begin again with a new one", key)
		}
		return fmt.Sprintf("this request has had no effect, and whether an earlier one of %s has is unknown: %s has made more entries since than its dedup window keeps. Read the machine; then send the request with expect_version, or, for a new operation, with an id from POST /v1/machines/%s/operations, or without an id",
			req.ID, key, key)
	case node.WatermarkAhead:
		return fmt.Sprintf("this request has had no effect: the watermark of %s is above the %d entries that %s has made, so it was never issued. Give no base; an id from POST /v1/machines/%s/operations carries its watermark",
			req.ID, reply.Serial, key, key)
	case node.IDConflict:
		return conflictText(req, reply)
	case node.BadRequest:
		if key == configuration.Key {
			return key + " is reserved for the members of the cluster: lockstep members lists and changes them"
		}
		return "the operation's id is not valid for this machine"
	case node.QuotaReached:
		return fmt.Sprintf("%s does not exist, and this node, or a majority, has as many as its quota permits, which status shows: raise the quotas of the nodes, or use what exists", key)
	case node.Overloaded:
		return "too many operations wait for this machine: try again later"
	case node.Timeout:
		return "no majority of the nodes answered in time"
	case node.UnknownDefinition:
		return fmt.Sprintf("%s: no node knows its definition", key)
	case node.UnknownState:
		return fmt.Sprintf("%s: its definition has no state %q", key, req.To)
	}
	return ""
}

// conflictText describes the result of the earlier operation with the same id.
func conflictText(req *node.Request, reply *node.Reply) string {
	asked := req.To
	if req.Expects {
		asked += fmt.Sprintf(" at version %d", req.Expect)
	}
	return fmt.Sprintf("this request has had no effect: the id %s belongs to an operation that requested something else than %s, and after which %s was in %s at version %d. Give this operation an id of its own, or none",
		req.ID, asked, req.Key, reply.State, reply.Version)
}
