import CLibPQ
import Glibc

/// What libpq is told, host by host.
///
/// libpq fills every gap from the environment. Credentials from there are welcome (PGPASSWORD, PGPASSFILE, PGSSLCERT
/// and their like); what would silently change where or how we connect (PGHOST, PGUSER, PGOPTIONS,
/// PGTARGETSESSIONATTRS, …) is shut out by giving every such option a value.
struct ConnectionParameters: Sendable {
    /// One complete set of options for each host, in the order of the connection string.
    let candidates: [[String: String]]
    let statementTimeoutMilliseconds: UInt64

    private static let credentials: Set<String> = [
        "password", "passfile", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "service",
    ]

    init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        var options = try Self.parse(configuration.connectionString)
        let hostCount = max(Self.list(options["host"]).count, Self.list(options["hostaddr"]).count)
        if hostCount > 1, options["target_session_attrs"] == nil {
            options["target_session_attrs"] = "read-write"
        }
        options["application_name"] = options["application_name"] ?? configuration.applicationName
        options["client_encoding"] = "UTF8"
        // A peer that vanished without a word is noticed within half a minute, not after TCP's two hours.
        for (name, value) in [
            ("keepalives", "1"), ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ] where options[name] == nil {
            options[name] = value
        }
        if options["host"] == nil, options["hostaddr"] == nil { options["host"] = Self.localSocketFolder }
        options["user"] = options["user"] ?? Self.operatingSystemUser
        options["dbname"] = options["dbname"] ?? options["user"]
        options["options"] = options["options"] ?? "-c client_min_messages=notice"
        for (name, compiled) in Self.defaults where options[name] == nil && !Self.credentials.contains(name) {
            options[name] = compiled
        }
        candidates = try Self.perHost(options, count: hostCount)
        statementTimeoutMilliseconds = min(
            max(1, configuration.statementTimeout.nanoseconds / 1_000_000), 2_147_483_647)
    }

    /// What is set in the session once it stands; nothing here can be changed by the environment.
    var sessionSettings: String {
        """
        SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
        SET bytea_output = 'hex'; SET standard_conforming_strings = on; \
        SET statement_timeout = \(statementTimeoutMilliseconds); \
        SET idle_in_transaction_session_timeout = \(max(60_000, statementTimeoutMilliseconds * 2))
        """
    }

    private static func parse(_ text: String) throws(PostgresError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(text, &message) else {
            let reason = message.map { String(cString: $0) } ?? "out of memory"
            PQfreemem(message)
            throw .configuration("the connection string is not understood: \(withoutNewline(reason))")
        }
        defer { PQconninfoFree(parsed) }
        return options(parsed) { $0.val }
    }

    /// libpq's own values for what the environment could set; "" where it has none.
    private static var defaults: [String: String] {
        guard let first = PQconndefaults() else { return [:] }
        defer { PQconninfoFree(first) }
        var found: [String: String] = [:]
        var current = first
        while let keyword = current.pointee.keyword {
            if current.pointee.envvar != nil {
                found[String(cString: keyword)] = current.pointee.compiled.map { String(cString: $0) } ?? ""
            }
            current += 1
        }
        return found
    }

    /// As one string, because only there an empty value keeps libpq from asking the environment.
    static func connectionString(_ options: [String: String]) -> String {
        options.map { name, value in
            let escaped = value.flatMap { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }
            return "\(name)='\(String(escaped))'"
        }.joined(separator: " ")
    }

    private static func options(
        _ first: UnsafeMutablePointer<PQconninfoOption>,
        _ value: (PQconninfoOption) -> UnsafeMutablePointer<CChar>?
    ) -> [String: String] {
        var found: [String: String] = [:]
        var current = first
        while let keyword = current.pointee.keyword {
            if let text = value(current.pointee), text.pointee != 0 {
                found[String(cString: keyword)] = String(cString: text)
            }
            current += 1
        }
        return found
    }

    /// libpq tries several hosts by itself, but then one that hangs uses up the time of all, and it resolves the
    /// later names when it gets there. One host at a time gives each its own limit.
    private static func perHost(
        _ options: [String: String], count: Int
    ) throws(PostgresError) -> [[String: String]] {
        // "prefer-standby" looks at all hosts before it settles for the primary: that is libpq's own to do.
        guard count > 1, options["target_session_attrs"] != "prefer-standby" else { return [options] }
        var lists: [String: [String]] = [:]
        for name in ["host", "hostaddr", "port"] {
            let values = list(options[name])
            guard values.isEmpty || values.count == 1 || values.count == count else {
                throw .configuration("the connection string names \(count) hosts but \(values.count) values of \(name)")
            }
            lists[name] = values
        }
        return (0..<count).map { index in
            var single = options
            for (name, values) in lists {
                let value = values.count == 1 && name == "port" ? values.first : values.dropFirst(index).first
                single[name] = value.flatMap { $0.isEmpty ? nil : $0 }
            }
            if single["port"] == nil { single["port"] = defaults["port"] }
            if single["hostaddr"] == nil { single["hostaddr"] = "" }
            if single["host"] == nil, single["hostaddr"] == "" { single["host"] = localSocketFolder }
            return single
        }
    }

    private static func list(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static var localSocketFolder: String {
        access("/var/run/postgresql", F_OK) == 0 ? "/var/run/postgresql" : "/tmp"
    }

    private static var operatingSystemUser: String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(geteuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return String(cString: entry.pw_name)
    }
}

func withoutNewline(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: "; ")
}
