import Metrics
import Testing
import Web

@Suite struct PrometheusTests {
    @Test func exposition() {
        let registry = PrometheusRegistry()
        Counter(label: "souk_events_total", dimensions: [("type", "a\"b\\c\nd")], factory: registry).increment(by: 2)
        Counter(label: "souk_events_total", dimensions: [("type", "a\"b\\c\nd")], factory: registry).increment()
        Gauge(label: "souk.queue-depth", dimensions: [], factory: registry).record(7)
        let timer = Timer(label: "souk_seconds", dimensions: [("route", "/x")], factory: registry)
        timer.recordMilliseconds(3)
        timer.recordSeconds(60)
        let text = registry.text()
        #expect(
            text.hasPrefix(
                """
                # TYPE souk_events_total counter
                souk_events_total{type="a\\"b\\\\c\\nd"} 3
                # TYPE souk_queue_depth gauge
                souk_queue_depth 7
                # TYPE souk_seconds histogram
                souk_seconds_bucket{route="/x",le="0.001"} 0
                souk_seconds_bucket{route="/x",le="0.0025"} 0
                souk_seconds_bucket{route="/x",le="0.005"} 1

                """), "\(text)")
        #expect(
            text.hasSuffix(
                """
                souk_seconds_bucket{route="/x",le="30"} 1
                souk_seconds_bucket{route="/x",le="+Inf"} 2
                souk_seconds_sum{route="/x"} 60.003
                souk_seconds_count{route="/x"} 2

                """), "\(text)")
    }
}
