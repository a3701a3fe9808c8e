import CLibCurl
import Glibc

/// An address that a connection is about to be made to, or is made to.
package struct PeerAddress: Hashable, Sendable {
    /// Four bytes for IPv4, sixteen for IPv6.
    package let bytes: [UInt8]

    /// From text such as `127.0.0.1` or `fe80::1%eth0`; nil for anything that is not a numeric address.
    package init?(_ text: String) {
        let numeric = text.prefix { $0 != "%" }
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, String(numeric), &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, String(numeric), &six) == 1 {
            bytes = withUnsafeBytes(of: six) { Array($0) }
        } else {
            return nil
        }
    }

    init?(_ socketAddress: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(socketAddress)
        switch Int32(socketAddress.pointee.sa_family) {
        case AF_INET:
            bytes = withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6:
            bytes = withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default:
            return nil
        }
    }

    /// Whether this is an address of the open internet: everything that IANA reserved for networks of one's own, for
    /// one machine, for documentation or for many receivers is not, nor is an IPv6 address that wraps such an IPv4 one.
    package var isPublic: Bool { bytes.count == 4 ? Self.isPublic4(bytes[...]) : Self.isPublic6(bytes) }

    private static func isPublic4(_ bytes: ArraySlice<UInt8>) -> Bool {
        let address = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return !reserved4.contains { block in address >> (32 - block.length) == block.prefix >> (32 - block.length) }
    }

    private static func isPublic6(_ bytes: [UInt8]) -> Bool {
        // IPv4 in the last four bytes: mapped (::ffff:0:0/96) and the well-known NAT64 prefix (64:ff9b::/96).
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        let translated: [UInt8] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]
        if bytes.starts(with: mapped) || bytes.starts(with: translated) { return isPublic4(bytes[12...]) }
        guard bytes[0] >> 5 == 1 else { return false }  // only 2000::/3 is given out for the open internet
        if bytes.starts(with: [0x20, 0x02]) { return isPublic4(bytes[2..<6]) }  // 6to4
        if bytes.starts(with: [0x20, 0x01]) && bytes[2] < 2 { return false }  // 2001::/23: Teredo, benchmarking, ORCHID
        if bytes.starts(with: [0x20, 0x01, 0x0d, 0xb8]) { return false }  // documentation
        return !(bytes.starts(with: [0x3f, 0xff]) && bytes[2] < 0x10)  // documentation, 3fff::/20
    }

    /// IANA's special-purpose registry, multicast and class E.
    private static let reserved4: [(prefix: UInt32, length: UInt32)] = [
        (0x0000_0000, 8),  // this network
        (0x0A00_0000, 8),  // private
        (0x6440_0000, 10),  // shared by a carrier
        (0x7F00_0000, 8),  // loopback
        (0xA9FE_0000, 16),  // link-local, and clouds' metadata services
        (0xAC10_0000, 12),  // private
        (0xC000_0000, 24),  // protocol assignments
        (0xC000_0200, 24),  // documentation
        (0xC058_6300, 24),  // 6to4 relays
        (0xC0A8_0000, 16),  // private
        (0xC612_0000, 15),  // benchmarks
        (0xC633_6400, 24),  // documentation
        (0xCB00_7100, 24),  // documentation
        (0xE000_0000, 4),  // multicast
        (0xF000_0000, 4),  // reserved, broadcast
    ]
}

extension PeerAddress: CustomStringConvertible {
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return "unreadable address" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
