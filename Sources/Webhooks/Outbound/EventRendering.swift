import Domain
import Store

extension OutboxRecord {
    /// The event as the marketplace gets it, delivered or read: the same bytes.
    func rendered(livemode: Bool) -> [UInt8] {
        // Ids and types are Souk's own words and need no escaping; the object is JSON already.
        Array(
            """
            {"id":"\(id)","object":"event","type":"\(type)","created":\(created.seconds),"livemode":\(livemode),\
            "data":{"object":\(object)}}
            """.utf8)
    }
}
