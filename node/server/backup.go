package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/service"
)

// backup responds with the values of machines, each as a majority confirms it.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	q, err := readBackupQuery(w, r)
	if err != nil {
		sendBodyError(w, r, err)
		return
	}
	t, c := s.loop.request(service.Event{Kind: service.List, Query: &service.Query{Keys: q.Keys}})
	got, err := s.loop.await(t, c, r.Context().Done())
	if err != nil {
		sendUnavailable(w, nil, err)
		return
	}
	p := got.page
	if p.Refused != nil {
		s.sendRefused(w, p.Refused, p.Err)
		return
	}
	out := httpapi.BackupValues{Machines: make([]httpapi.BackupValue, len(p.Values)), FirstSerial: p.FirstSerial, Node: s.cfg.Node.ID}
	for i, m := range p.Values {
		out.Machines[i] = httpapi.BackupValue{Key: m.Key, Value: node.AppendValue(nil, m.Value)}
	}
	sendJSON(w, http.StatusOK, out)
}

func readBackupQuery(w http.ResponseWriter, r *http.Request) (q httpapi.BackupQuery, err error) {
	if _, err := checkMedia(r, httpapi.JSON); err != nil {
		return q, err
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 2*maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, fmt.Errorf("body: %w", httpapi.ExplainJSON(err))
	}
	bodyIsRead(w)
	if len(q.Keys) < 1 || len(q.Keys) > httpapi.MaxBackupKeys {
		return q, fmt.Errorf("keys: %d machines: want 1 to %d", len(q.Keys), httpapi.MaxBackupKeys)
	}
	for _, key := range q.Keys {
		if _, _, err := fsm.SplitKey(key); err != nil {
			return q, fmt.Errorf("keys: %w", err)
		}
	}
	return q, nil
}
