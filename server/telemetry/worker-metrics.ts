import { AggregatorRegistry, type Registry } from 'prom-client'
import type { MetricsSource } from './metrics.ts'

/** In a worker: its metrics are asked for by the primary. */
export function offerMetrics(registry: Registry): void {
  AggregatorRegistry.setRegistries(registry)
  // Constructing it is what makes a worker listen for the question (prom-client 15.1).
  new AggregatorRegistry()
}

/** In the primary: the sum over all workers. One port shared by them would answer with another worker's each time. */
export function metricsOfWorkers(): MetricsSource {
  const all = new AggregatorRegistry()
  return { metrics: () => all.clusterMetrics(), contentType: all.contentType }
}
