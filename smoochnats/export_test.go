package smoochnats

// PartitionOf returns the partition of an order.
func PartitionOf(q *Queue, order string) int {
	partition, _ := place(order, q.config.Partitions)
	return partition
}
