package scenarios

// CurrentSignature returns the current name of a signature. Artefacts and scripts
// may have older names; a signature without a newer name is returned unchanged.
func CurrentSignature(signature string) string {
	if now, ok := renamedSignatures[signature]; ok {
		return now
	}
	return signature
}

// renamedSignatures maps older names of signatures to the current ones.
var renamedSignatures = map[string]string{
	"availability/disowned":          "availability/incarnation-rejected",
	"canary/sings":                   "canary/planted",
	"client/base-not-chosen":         "client/watermark-not-chosen",
	"client/base-restamped":          "client/watermark-changed",
	"client/retry-hidden":            "client/retry-not-marked",
	"client/returned-unasked":        "client/unexpected-return",
	"diligence/given-up-early":       "progress/abandoned-early",
	"diligence/not-resent":           "progress/not-resent",
	"diligence/queue-waits":          "progress/queue-stalled",
	"diligence/refused-accepted":     "progress/accepted-rejected",
	"diligence/resent-late":          "progress/resent-late",
	"durability/said-early":          "durability/sent-before-sync",
	"durability/said-unchosen":       "durability/sent-unchosen",
	"exactly-once/base-ahead":        "exactly-once/watermark-ahead",
	"exactly-once/other-question":    "exactly-once/other-argument",
	"exactly-once/unasked":           "exactly-once/never-invoked",
	"identity/admitted-early":        "identity/admitted-before-durable",
	"identity/ended-by-few":          "identity/stopped-without-majority",
	"identity/falsely-disputed":      "identity/false-dispute",
	"identity/formed-without":        "identity/formed-without-all",
	"identity/joined-early":          "identity/joined-before-durable",
	"identity/told-and-takes-part":   "identity/disputed-takes-part",
	"liveness/no-end":                "liveness/not-converged",
	"liveness/not-at-rest":           "liveness/not-quiescent",
	"liveness/not-silent":            "liveness/still-sending",
	"outcomes/proposed-after-answer": "outcomes/proposed-after-response",
	"outcomes/rejected-sent":         "outcomes/rejected-after-accept",
	"outcomes/window-flushed":        "outcomes/too-many-tombstones",
	"promises/accepted-below":        "promises/accepted-below-promise",
	"promises/forgotten":             "promises/lost",
	"promises/passed-over":           "promises/chosen-value-ignored",
	"promises/proposed-without":      "promises/no-quorum",
	"promises/went-back":             "promises/regressed",
	"watch/late":                     "watch/missed-change",
	"watch/misled":                   "watch/wrong-change",
}
