import Hummingbird
import NIOCore

extension CallerLimits {
    /// Whom a request without a key is counted for.
    func address(of request: Request, _ context: SoukContext) -> LimitedCaller {
        let forwarded = request.headers.lazy.filter { $0.name.canonicalName == "x-forwarded-for" }.map(\.value)
        return .address(
            clientAddress(
                connection: context.connectionAddress, forwardedFor: forwarded.joined(separator: ","),
                trustedProxies: limits.trustedProxies))
    }
}

/// The address that a request comes from, as a limit counts it: of IPv6 the network of 64 bits, which is one customer's;
/// empty where nothing is known.
///
/// Each trusted proxy has added one address at the end of `X-Forwarded-For`; what stands before them anybody may have
/// written.
func clientAddress(connection: String?, forwardedFor: String, trustedProxies: Int) -> String {
    let hops = forwardedFor.split(separator: ",").map { String($0.filter { $0 != " " }) }
    let shown = trustedProxies > 0 && hops.count >= trustedProxies ? hops[hops.count - trustedProxies] : nil
    let address = [shown, connection].lazy.compactMap { $0 }.compactMap { text in
        (try? SocketAddress(ipAddress: text, port: 0))?.ipAddress
    }.first
    guard let address else { return "" }
    return network(of: address)
}

private func network(of address: String) -> String {
    guard address.contains(":") else { return address }
    if address.hasPrefix("::ffff:"), address.contains(".") { return String(address.dropFirst(7)) }
    let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
    let left = halves[0].split(separator: ":")
    let right = halves.count > 1 ? halves[1].split(separator: ":") : []
    let groups = left + Array(repeating: "0", count: max(0, 8 - left.count - right.count)) + right
    return groups.prefix(4).joined(separator: ":") + "::/64"
}
