package httpapi

import "github.com/lockstep-dst/lockstep/node/op"

// ProblemType is the media type of a Failure.
const ProblemType = "application/problem+json"

// Problem is the members of a problem document that RFC 9457 defines.
type Problem struct {
	Type   string `json:"type"`   // URI of the code, where it is explained
	Title  string `json:"title"`  // the code in words, always the same
	Status int    `json:"status"` // HTTP status of the response
	Detail string `json:"detail"` // explanation of this failure, for people
}

// Codes of failures that only HTTP has. Others are reasons of package op.
const (
	TooLarge         op.Reason = "too-large"              // the body is longer than the server reads
	TooSlow          op.Reason = "too-slow"               // the body did not come in time
	UnsupportedMedia op.Reason = "unsupported-media-type" // the body is of another form than the request takes
	WrongHost        op.Reason = "wrong-host"             // the server does not go by the name in the header Host
	CrossOrigin      op.Reason = "cross-origin"           // a web page of another origin has sent it
	MembersChange    op.Reason = "members-change"         // the members cannot be changed so, now
)

// HTTP statuses of responses.
const (
	statusOK               = 200
	statusBadRequest       = 400
	statusUnauthorized     = 401
	statusForbidden        = 403
	statusNotFound         = 404
	statusRequestTimeout   = 408
	statusConflict         = 409
	statusTooLarge         = 413
	statusUnsupportedMedia = 415
	statusMisdirected      = 421
	statusUnprocessable    = 422
	statusTooManyRequests  = 429
	statusUnavailable      = 503
	statusGatewayTimeout   = 504
	statusNoStorage        = 507
)

// StatusOf returns the HTTP status of a failure with a code.
func StatusOf(code op.Reason) int {
	switch code {
	case op.Illegal, op.VersionMismatch, op.WindowExpired, op.WatermarkAhead, op.IDConflict, MembersChange:
		return statusConflict
	case op.Overloaded, op.Abstains, op.Stopping:
		return statusUnavailable
	case op.UnknownDefinition:
		return statusNotFound
	case op.UnknownState:
		return statusUnprocessable
	case op.BadRequest:
		return statusBadRequest
	case op.Unauthenticated:
		return statusUnauthorized
	case op.Forbidden, CrossOrigin:
		return statusForbidden
	case op.RateLimited:
		return statusTooManyRequests
	case TooLarge:
		return statusTooLarge
	case TooSlow:
		return statusRequestTimeout
	case UnsupportedMedia:
		return statusUnsupportedMedia
	case WrongHost, op.OtherCluster:
		return statusMisdirected
	case op.QuotaReached:
		return statusNoStorage
	}
	return statusGatewayTimeout
}

// title returns a code in words.
func title(code op.Reason) string {
	switch code {
	case op.Illegal:
		return "The machine is in a state from which the requested one cannot be reached"
	case op.VersionMismatch:
		return "The machine is at another version than expected"
	case op.WindowExpired:
		return "The operation's id is too old for the machine"
	case op.WatermarkAhead:
		return "The operation's id was never issued"
	case op.IDConflict:
		return "The operation's id belongs to another operation"
	case op.Overloaded:
		return "The node is overloaded"
	case op.Abstains:
		return "The node abstains"
	case op.Stopping:
		return "The node stops"
	case op.UnknownDefinition:
		return "No node knows the definition"
	case op.UnknownState:
		return "The definition has no such state"
	case op.BadRequest:
		return "The request is not valid"
	case op.Unauthenticated:
		return "The client is not known"
	case op.Forbidden:
		return "The client's role may not do this"
	case op.RateLimited:
		return "The client uses its share of the node"
	case TooLarge:
		return "The body is too large"
	case TooSlow:
		return "The body did not come in time"
	case UnsupportedMedia:
		return "The body is of another form than the request takes"
	case WrongHost:
		return "The node does not go by this name"
	case op.OtherCluster:
		return "The request is for another cluster"
	case op.QuotaReached:
		return "There is no room for another machine or definition"
	case MembersChange:
		return "The members cannot be changed so"
	case CrossOrigin:
		return "Web pages of other origins may not use the node"
	}
	return "No majority of the nodes answered in time"
}

// problems is where the codes are explained.
const problems = "https://github.com/lockstep-dst/lockstep/blob/main/docs/CLIENTS.md#"

// NewFailure returns a failure with a status and a code, and an explanation for people.
// Its Outcome, the certain part, is still to be set.
func NewFailure(status int, code op.Reason, text string) Failure {
	f := Failure{Problem: Problem{Type: problems + string(code), Title: title(code), Status: status, Detail: text}}
	f.Error.Code, f.Error.Text = string(code), text
	return f
}
