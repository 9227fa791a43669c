package server

// ClusterID is for tests that speak as a member.
var ClusterID = clusterID
