package import Metrics
import Synchronization

/// Keeps every metric of the process and writes them in Prometheus' text format 0.0.4. The backend of swift-metrics:
/// counters, gauges, histograms of values and of durations (in seconds).
package final class PrometheusRegistry: MetricsFactory, Sendable {
    /// Upper bounds of histograms of durations, in seconds: from a fast read to a call that timed out.
    static let secondsBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
    /// Upper bounds of histograms of counts, such as rows in a batch.
    static let countBounds = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

    struct SeriesKey: Hashable {
        let name: String
        let labels: String
    }

    private struct State {
        var counters: [SeriesKey: PrometheusCounter] = [:]
        var gauges: [SeriesKey: PrometheusGauge] = [:]
        var histograms: [SeriesKey: PrometheusHistogram] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let key = SeriesKey(name: metricName(label), labels: labelText(dimensions))
        return state.withLock { state in
            if let known = state.counters[key] { return known }
            let counter = PrometheusCounter()
            state.counters[key] = counter
            return counter
        }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions, Self.countBounds) : gauge(label, dimensions)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions, Self.secondsBounds)
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> PrometheusGauge {
        let key = SeriesKey(name: metricName(label), labels: labelText(dimensions))
        return state.withLock { state in
            if let known = state.gauges[key] { return known }
            let gauge = PrometheusGauge()
            state.gauges[key] = gauge
            return gauge
        }
    }

    private func histogram(
        _ label: String, _ dimensions: [(String, String)], _ bounds: [Double]
    ) -> PrometheusHistogram {
        let key = SeriesKey(name: metricName(label), labels: labelText(dimensions))
        return state.withLock { state in
            if let known = state.histograms[key] { return known }
            let histogram = PrometheusHistogram(bounds: bounds)
            state.histograms[key] = histogram
            return histogram
        }
    }

    // Series live as long as the process: a counter that restarts at zero would read as a restart of Souk.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// All metrics, sorted by name and labels.
    package func text() -> String {
        let (counters, gauges, histograms) = state.withLock { ($0.counters, $0.gauges, $0.histograms) }
        var lines = ""
        write(counters, type: "counter", to: &lines) { key, counter in
            "\(key.name)\(braces(key.labels)) \(counter.value)\n"
        }
        write(gauges, type: "gauge", to: &lines) { key, gauge in
            "\(key.name)\(braces(key.labels)) \(number(gauge.value))\n"
        }
        write(histograms, type: "histogram", to: &lines) { key, histogram in
            let content = histogram.content
            var text = ""
            var sum: Int64 = 0
            for (bound, count) in zip(histogram.bounds.map(number) + ["+Inf"], content.counts) {
                sum += count
                let labels = key.labels.isEmpty ? "le=\"\(bound)\"" : "\(key.labels),le=\"\(bound)\""
                text += "\(key.name)_bucket{\(labels)} \(sum)\n"
            }
            text += "\(key.name)_sum\(braces(key.labels)) \(number(content.sum))\n"
            text += "\(key.name)_count\(braces(key.labels)) \(sum)\n"
            return text
        }
        return lines
    }

    private func write<Series>(
        _ series: [SeriesKey: Series], type: String, to lines: inout String, _ render: (SeriesKey, Series) -> String
    ) {
        var last: String?
        for (key, series) in series.sorted(by: { ($0.key.name, $0.key.labels) < ($1.key.name, $1.key.labels) }) {
            if key.name != last { lines += "# TYPE \(key.name) \(type)\n" }
            last = key.name
            lines += render(key, series)
        }
    }
}

private func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

private func number(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
    return String(value)
}

/// Prometheus takes letters, digits, underscores and colons. By bytes: series are looked up for every request.
private func metricName(_ label: String) -> String {
    String(
        decoding: label.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: ":"):
                byte
            default: UInt8(ascii: "_")
            }
        }, as: UTF8.self)
}

private func labelText(_ dimensions: [(String, String)]) -> String {
    dimensions.sorted { $0.0 < $1.0 }.map { name, value in "\(metricName(name))=\"\(escaped(value))\"" }
        .joined(separator: ",")
}

private func escaped(_ value: String) -> String {
    guard value.utf8.contains(where: { [UInt8(ascii: "\\"), UInt8(ascii: "\""), 0x0A].contains($0) }) else {
        return value
    }
    return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
}
