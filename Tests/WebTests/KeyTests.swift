import Domain
import Postgres
import Store
import TestSupport
import Testing
import Transport
import Web

@Suite(.database) struct KeyTests {
    private struct Made: Decodable {
        let id: String
        let key: String?
        let hint: String
    }

    private struct List: Decodable {
        struct Row: Decodable { let id: String }
        let object: String
        let url: String
        let has_more: Bool
        let data: [Row]
    }

    private func client(_ served: ServedAPI, _ scopes: Set<Scope>, expiresAt: Timestamp? = nil) async throws
        -> TestClient
    {
        let made = try await served.keys.create(name: "test", scopes: scopes, expiresAt: expiresAt, by: .shell)
        return TestClient(served.address, key: made.key.text)
    }

    @Test("missing, unknown, foreign and expired keys, and keys without the scope")
    func refusedKeys() async throws {
        try await ServedAPI.run { served in
            let unknown = "souk_test_" + String(repeating: "x", count: 43)
            for key in [nil, "souk_test_short", unknown, "sk_test_1", "souk_live_" + String(repeating: "x", count: 43)]
            {
                let seen = try await TestClient(served.address, key: key).get("/v1/things/1")
                #expect(seen.status == 401 && seen.error?.code == "unauthenticated", "\(key ?? "none")")
            }
            let expired = try await client(served, [.admin], expiresAt: Timestamp(seconds: 1))
            #expect(try await expired.get("/v1/things/1").error?.code == "key_expired")
            let reader = try await client(served, [.ordersRead])
            #expect(try await reader.get("/v1/things/1").status == 200)
            let refused = try await reader.post("/v1/things", "{\"name\":\"a\",\"amount\":1}")
            #expect(refused.status == 403 && refused.error?.code == "scope_missing")
            #expect(refused.error?.message.contains("orders:write") == true)
            let rows = try await served.store.query("SELECT 1 FROM audit_log WHERE action = 'thing.make'")
            #expect(rows.isEmpty)
        }
    }

    @Test("a key is made, used, listed and revoked over HTTP; only its digest is stored")
    func life() async throws {
        try await ServedAPI.run { served in
            let admin = try await client(served, [.admin])
            let seen = try await admin.post("/v1/admin/api_keys", "{\"name\":\"shop\",\"scopes\":[\"orders:read\"]}")
            let made = try seen.decoded(Made.self)
            let text = try #require(made.key)
            #expect(text.hasPrefix("souk_test_") && text.count == 53 && text.hasSuffix(made.hint))
            let shop = TestClient(served.address, key: text)
            #expect(try await shop.get("/v1/things/1").status == 200)
            let read = try await admin.get("/v1/admin/api_keys/\(made.id)")
            #expect(try read.decoded(Made.self).key == nil && !read.text.contains("\"last_used_at\":null"))
            #expect(!(try await admin.get("/v1/admin/api_keys").text.contains(text)))
            let stored = try await served.store.query("SELECT api_keys::text AS row FROM api_keys")
            for row in stored { #expect(!(try row.get("row", as: String.self).contains(text.dropFirst(10)))) }
            #expect(try await admin.send(.delete, "/v1/admin/api_keys/\(made.id)").status == 200)
            #expect(try await shop.get("/v1/things/1").error?.code == "unauthenticated")
            #expect(try await admin.send(.delete, "/v1/admin/api_keys/\(made.id)").error?.code == "api_key_not_found")
            let audit = try await admin.get("/v1/admin/audit_log?subject=\(made.id)")
            #expect(audit.text.contains("api_key.revoke") && audit.text.contains("api_key.create"))
            #expect(audit.text.contains("\"details\":{\"scopes\":\"orders:read\"}"))
        }
    }

    @Test func theKeyThatAsksIsNotRevoked() async throws {
        try await ServedAPI.run { served in
            let made = try await served.keys.create(name: "own", scopes: [.admin], expiresAt: nil, by: .shell)
            let seen = try await TestClient(served.address, key: made.key.text)
                .send(.delete, "/v1/admin/api_keys/\(made.record.id)")
            #expect(seen.status == 409 && seen.error?.code == "illegal_transition")
        }
    }

    @Test("SOUK_ADMIN_KEY exists after the first start and after the second; a revoked one stays revoked")
    func adminKey() async throws {
        try await ServedAPI.run { served in
            let text = "souk_test_" + String(repeating: "a", count: 43)
            try await served.keys.ensureAdminKey(text)
            try await served.keys.ensureAdminKey(text)
            let client = TestClient(served.address, key: text)
            let list = try await client.get("/v1/admin/api_keys").decoded(List.self)
            #expect(list.data.count == 1)
            let id = try #require(ID<APIKey>(list.data[0].id))
            _ = try await served.keys.revoke(id, by: .shell)
            try await served.keys.ensureAdminKey(text)
            #expect(try await client.get("/v1/admin/api_keys").status == 401)
            await #expect(throws: Refusal.self) { try await served.keys.ensureAdminKey("souk_test_short") }
            await #expect(throws: Refusal.self) {
                try await served.keys.ensureAdminKey("souk_live_" + String(repeating: "a", count: 43))
            }
        }
    }

    @Test("a list is read whole in pages, forwards and backwards, without a row twice or missing")
    func pages() async throws {
        try await ServedAPI.run { served in
            let admin = try await client(served, [.admin])
            for number in 1...11 {
                _ = try await served.keys.create(name: "\(number)", scopes: [.admin], expiresAt: nil, by: .shell)
            }
            let whole = try await admin.get("/v1/admin/api_keys?limit=100").decoded(List.self)
            let ids = whole.data.map(\.id)
            #expect(ids.count == 12 && !whole.has_more && ids == ids.sorted(by: >))
            #expect(whole.object == "list" && whole.url == "/v1/admin/api_keys")
            var forwards: [String] = []
            var query = "limit=5"
            while true {
                let page = try await admin.get("/v1/admin/api_keys?\(query)").decoded(List.self)
                forwards += page.data.map(\.id)
                guard page.has_more, let last = page.data.last else { break }
                query = "limit=5&starting_after=\(last.id)"
            }
            #expect(forwards == ids)
            var backwards: [String] = []
            query = "limit=5&ending_before=\(ids[11])"
            while true {
                let page = try await admin.get("/v1/admin/api_keys?\(query)").decoded(List.self)
                backwards = page.data.map(\.id) + backwards
                guard page.has_more, let first = page.data.first else { break }
                query = "limit=5&ending_before=\(first.id)"
            }
            #expect(backwards == Array(ids.dropLast()))
            #expect(try await admin.get("/v1/admin/api_keys").decoded(List.self).data.count == 10)
        }
    }

    @Test("the audit log takes no change")
    func appendOnly() async throws {
        try await ServedAPI.run { served in
            _ = try await client(served, [.admin])
            for statement in ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
                await #expect(throws: (any Error).self) { try await served.store.execute(.init(unescaped: statement)) }
            }
            #expect(try await served.store.query("SELECT 1 FROM audit_log").count == 1)
        }
    }

    @Test("a key's last use is written at most once a minute")
    func lastUse() async throws {
        try await ServedAPI.run { served in
            let client = try await client(served, [.ordersRead])
            for _ in 1...5 { #expect(try await client.get("/v1/things/1").status == 200) }
            let row = try await served.store.query("SELECT xmin::text AS version, last_used_at FROM api_keys")[0]
            let version: String = try row.get("version")
            for _ in 1...5 { _ = try await client.get("/v1/things/1") }
            let after = try await served.store.query("SELECT xmin::text AS version FROM api_keys")[0]
            #expect(try after.get("version") == version)
        }
    }
}
