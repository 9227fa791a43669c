package server

import (
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/prometheus/client_golang/prometheus"
)

// Descriptions of the metrics of quotas.
var (
	descQuotaUsed  = desc("quota_used", "What is used of a quota: machines, machine_bytes, definitions, definition_bytes, or operations in flight.", "quota")
	descQuotaLimit = desc("quota_limit", "The quota, at which clients are refused.", "quota")
)

// quotaStatus is the form of quotas in the status.
func quotaStatus(quotas []node.QuotaUse) (list []httpapi.QuotaUse) {
	for _, q := range quotas {
		list = append(list, httpapi.QuotaUse{Name: q.Name, Used: q.Used, Limit: q.Limit})
	}
	return list
}

// collectQuotas reports the metrics of quotas.
func collectQuotas(quotas []node.QuotaUse, gauge func(*prometheus.Desc, float64, ...string)) {
	for _, q := range quotas {
		gauge(descQuotaUsed, float64(q.Used), q.Name)
		gauge(descQuotaLimit, float64(q.Limit), q.Name)
	}
}
