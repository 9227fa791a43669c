package httpapi

// ClusterHeader is the header with the id of a formed cluster, in hexadecimal. A node puts
// it into its responses. A client that has learnt it sends it, and a node of another
// cluster then refuses the request (op.OtherCluster).
const ClusterHeader = "Lockstep-Cluster"
