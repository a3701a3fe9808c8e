import Domain
import Postgres
import Store

/// How the sellers' shares of separate charges stand: what was moved, what waits, and why.
struct ShareStanding: Sendable {
    var transfers: [TransferBody] = []

    static func query(_ orders: [OrderRecord]) -> PostgresQuery? {
        let separate = orders.filter { $0.shape == .separate && $0.charge != nil }.map(\.id)
        guard !separate.isEmpty else { return nil }
        return TransferBody.query(where: "t.order_id = ANY (\(separate)) ORDER BY t.id")
    }

    /// By order; an order without any is left out.
    static func byOrder(_ rows: [PostgresRow]) throws -> [ID<Order>: ShareStanding] {
        var standings: [ID<Order>: ShareStanding] = [:]
        for transfer in try rows.map(TransferBody.init) {
            if let order = transfer.order { standings[order, default: ShareStanding()].transfers.append(transfer) }
        }
        return standings
    }

    /// Why the share of a line is with the platform still, and until when; nil for one that is not.
    func hold(of line: OrderLine, in order: OrderRecord) -> HoldBody? {
        guard order.shape == .separate, order.charge != nil, order.status != .failedAfterPayment,
            line.beneficiary != nil, !line.parts.sellerAmount.isZero
        else { return nil }
        guard let release = order.releases[line.id] else {
            return HoldBody(
                reason: "is released on fulfilment, by POST /v1/orders/\(order.id)/release", until: nil)
        }
        return transfers.first { $0.id == release.transfer }?.hold
    }

    /// Why what is held back of a line is with the platform still; nil for a line of which nothing is.
    func reserveHold(of line: OrderLine) -> HoldBody? {
        transfers.first { $0.reserve != nil && $0.lines.contains(line.id) }?.hold
    }

    func transfers(to seller: ID<Seller>) -> [TransferBody] { transfers.filter { $0.seller == seller } }
}

extension StoreTransaction {
    func shareStanding(of order: OrderRecord) async throws -> ShareStanding {
        guard let query = ShareStanding.query([order]) else { return ShareStanding() }
        return try ShareStanding.byOrder(try await self.query(query))[order.id] ?? ShareStanding()
    }
}

extension Store {
    func shareStandings(of orders: [OrderRecord]) async throws -> [ID<Order>: ShareStanding] {
        guard let query = ShareStanding.query(orders) else { return [:] }
        return try ShareStanding.byOrder(try await self.query(query))
    }
}
