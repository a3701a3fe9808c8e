import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import Transport

/// Souk's HTTP client beside AsyncHTTPClient: the same small request to the same server in another process, the same
/// number in flight, in turns, five times each. Prints each run, the medians and their ratio, and the processor time.
///
/// Usage: `transport-benchmark [requests] [in flight] [runs]`.
@main
struct TransportBenchmark {
    struct Run {
        let perSecond: Int
        let processorMilliseconds: Int
    }

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "serve" { FixedServer.serve() }
        let numbers = arguments.compactMap { Int($0) }
        let requests = numbers.first ?? 40_000
        let inFlight = numbers.dropFirst().first ?? 32
        let runs = numbers.dropFirst(2).first ?? 5
        guard let url = FixedServer.startInOwnProcess() else {
            print("the server of this benchmark did not start")
            exit(1)
        }
        let souk = Transport.HTTPClient()
        let peer = AsyncHTTPClient.HTTPClient(eventLoopGroupProvider: .singleton)
        let request = HTTPRequest(
            method: .post, url: url, headers: [("Stripe-Version", "x")], body: Array("a=1".utf8))
        let soukOnce: @Sendable () async throws -> Int = {
            let response = try await souk.execute(request)
            return response.status == 200 ? response.body.count : -1
        }
        let peerOnce: @Sendable () async throws -> Int = {
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.headers.add(name: "Stripe-Version", value: "x")
            request.body = .bytes(ByteBuffer(string: "a=1"))
            let response = try await peer.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: 16 << 20)
            return response.status == .ok ? body.readableBytes : -1
        }
        print("\(requests) POST requests a run, \(inFlight) in flight, \(url)")
        print("peer: AsyncHTTPClient, default configuration, singleton event loops")
        _ = try await measure(requests / 10, inFlight, soukOnce)
        _ = try await measure(requests / 10, inFlight, peerOnce)
        var soukRuns: [Run] = []
        var peerRuns: [Run] = []
        for number in 1...runs {
            soukRuns.append(try await measure(requests, inFlight, soukOnce))
            peerRuns.append(try await measure(requests, inFlight, peerOnce))
            print(
                "run \(number): Souk \(soukRuns[number - 1].perSecond)/s, peer \(peerRuns[number - 1].perSecond)/s"
            )
        }
        let ours = median(soukRuns.map(\.perSecond))
        let theirs = median(peerRuns.map(\.perSecond))
        print(
            "median: Souk \(ours)/s, AsyncHTTPClient \(theirs)/s, ratio \(hundredths(ours * 100 / max(1, theirs)))"
        )
        print(
            "processor time: Souk \(median(soukRuns.map(\.processorMilliseconds))) ms, "
                + "AsyncHTTPClient \(median(peerRuns.map(\.processorMilliseconds))) ms a run")
        try await peer.shutdown()
    }

    /// Every answer is read and counted; one that is not right ends the benchmark.
    static func measure(
        _ requests: Int, _ inFlight: Int, _ once: @escaping @Sendable () async throws -> Int
    ) async throws -> Run {
        let processorBefore = processorMilliseconds()
        let begin = ContinuousClock.now
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<inFlight {
                let share = requests / inFlight + (worker < requests % inFlight ? 1 : 0)
                group.addTask {
                    var done = 0
                    for _ in 0..<share where try await once() > 0 { done += 1 }
                    return done
                }
            }
            return try await group.reduce(0, +)
        }
        let (seconds, attoseconds) = (ContinuousClock.now - begin).components
        let milliseconds = Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
        guard done == requests else {
            print("only \(done) of \(requests) answers were right")
            exit(1)
        }
        return Run(
            perSecond: requests * 1000 / max(1, milliseconds),
            processorMilliseconds: processorMilliseconds() - processorBefore)
    }

    static func median(_ values: [Int]) -> Int { values.sorted()[values.count / 2] }

    static func hundredths(_ value: Int) -> String {
        "\(value / 100).\(value % 100 < 10 ? "0" : "")\(value % 100)"
    }

    static func processorMilliseconds() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + $1.tv_sec * 1000 + $1.tv_usec / 1000 }
    }
}
