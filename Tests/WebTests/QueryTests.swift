import Domain
import Hummingbird
import Testing

@testable import Web

@Suite struct QueryTests {
    private struct Filter: Decodable {
        struct Range: Decodable { let gte: Int64? }
        let status: String?
        let created: Range?
        let expand: [String]?
        let active: Bool?
    }

    private func request(_ query: String) -> Request {
        Request(
            head: HTTPRequest(method: .get, scheme: "http", authority: "x", path: "/v1/sellers?\(query)"),
            body: .init(buffer: .init()))
    }

    @Test func pageAndFilters() throws {
        let (page, filter) = try request(
            "limit=100&starting_after=sel_1&status=a%20b+c&created[gte]=5&expand[]=x&expand[]=y&active=true"
        ).list(filteredBy: Filter.self)
        #expect(page == PageRequest(limit: 100, cursor: .after("sel_1")))
        #expect(filter.status == "a b c")
        #expect(filter.created?.gte == 5)
        #expect(filter.expand == ["x", "y"])
        #expect(filter.active == true)
        #expect(try request("").page() == PageRequest(limit: 10, cursor: .newest))
        #expect(try request("ending_before=sel_9").page() == PageRequest(limit: 10, cursor: .before("sel_9")))
    }

    @Test(
        "a query that is not understood is refused by name",
        arguments: [
            ("limit=0", "limit"), ("limit=101", "limit"), ("limit=1.0", "limit"), ("limit=-1", "limit"),
            ("limit=ten", "limit"), ("limit=", "limit"), ("limit=1&limit=2", "limit"),
            ("starting_after=a&ending_before=b", "ending_before"), ("colour=red", "colour"),
            ("created[lte]=1", "created.lte"), ("created=1", "created"), ("status[a]=1", "status"),
            ("created[gte=1", "created[gte"), ("active=yes", "active"), ("expand=x", "expand"),
        ])
    func refused(_ query: String, _ parameter: String) {
        let refusal = #expect(throws: Refusal.self) { try request(query).list(filteredBy: Filter.self) }
        #expect(refusal?.parameter == parameter)
    }

    @Test(arguments: ["status=%zz", "status=%f", "status=%ff", "status=a%00b"])
    func brokenEncoding(_ query: String) {
        let refusal = #expect(throws: Refusal.self) { try request(query).list(filteredBy: Filter.self) }
        #expect(refusal?.code == .parameterInvalid)
    }

    @Test("a route without parameters takes none, neither in its query nor in its body")
    func nothingIsTaken() {
        struct Nothing: Decodable {}
        let query = #expect(throws: Refusal.self) { try request("colour=red").refuseQuery() }
        #expect(query?.code == .parameterUnknown && query?.parameter == "colour")
        let body = #expect(throws: Refusal.self) {
            try StrictDecoder.decode(Nothing.self, from: Array("{\"colour\":\"red\"}".utf8))
        }
        #expect(body?.code == .parameterUnknown && body?.parameter == "colour")
        #expect(throws: Never.self) { try StrictDecoder.decode(Nothing.self, from: Array("{}".utf8)) }
    }

    private struct Dated: Decodable {
        let created: CreatedFilter?
    }

    @Test func timesCountAsTheirWholeSecond() throws {
        let range = try request("created[gt]=5&created[lte]=8").query(as: Dated.self).created
        #expect(range?.from == Timestamp(seconds: 6) && range?.before == Timestamp(seconds: 9))
        let exact = try request("created=5").query(as: Dated.self).created
        #expect(exact?.from == Timestamp(seconds: 5) && exact?.before == Timestamp(seconds: 6))
    }

    @Test(
        "times past the calendar are refused, however far",
        arguments: [
            "created=9223372036854775807", "created[gt]=9223372036854775807", "created[lte]=9223372036854775807",
            "created[gte]=-9223372036854775808", "created[lt]=-1", "created[gte]=253402300800",
        ])
    func impossibleTimes(_ query: String) {
        let refusal = #expect(throws: Refusal.self) { try request(query).query(as: Dated.self) }
        #expect(refusal?.code == .parameterInvalid)
    }

    @Test func pagesAreCutAndTurned() {
        let older = Page(fetched: [5, 4, 3], for: PageRequest(limit: 2))
        #expect(older.elements == [5, 4] && older.hasMore)
        let newer = Page(fetched: [6, 7], for: PageRequest(limit: 2, cursor: .before("5")))
        #expect(newer.elements == [7, 6] && !newer.hasMore)
    }
}
