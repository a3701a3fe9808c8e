import Glibc
import LocalHTTP
import Transport

/// nghttpx with a certificate made for this test, in a folder of its own.
struct TLSProxy {
    enum Certificate {
        case good, otherName, expired
    }

    let port: UInt16
    let authority: String
    private let folder: String
    private let process: ChildProcess

    var url: String { "https://127.0.0.1:\(port)" }

    init(_ certificate: Certificate, backend: LocalServer) async throws {
        var template = Array("/tmp/souk-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ChildProcess.Failure(description: "no temporary folder") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        authority = folder + "/ca.pem"
        let names = certificate == .otherName ? "DNS:elsewhere.example" : "DNS:localhost,IP:127.0.0.1"
        try Self.makeCertificates(in: folder, names: names, days: certificate == .expired ? "-1" : "2")
        let placeholder = try LocalServer { _ in .drop }
        port = placeholder.port
        placeholder.stop()
        process = try ChildProcess(
            [
                "nghttpx", "--conf=/dev/null", "--frontend=127.0.0.1,\(port)", "--backend=127.0.0.1,\(backend.port)",
                "--accesslog-file=\(folder)/access.log", "--accesslog-format=$remote_port", "--no-ocsp",
                "--errorlog-file=\(folder)/error.log", "--workers=1", "\(folder)/key.pem", "\(folder)/cert.pem",
            ], output: folder + "/output.log")
        try await waitUntilItListens()
    }

    func end() {
        process.end()
        for name in ["ca.key", "ca.pem", "ca.srl", "key.pem", "cert.csr", "cert.pem", "names"] {
            unlink("\(folder)/\(name)")
        }
        for name in ["access.log", "error.log", "output.log"] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    /// How many connections the clients used, by their ports in the access log.
    func frontendConnections() throws -> Int {
        guard let file = fopen(folder + "/access.log", "r") else { return 0 }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var ports: Set<String> = []
        while getline(&line, &capacity, file) > 0 {
            if let line { ports.insert(String(cString: line)) }
        }
        return ports.count
    }

    private static func makeCertificates(in folder: String, names: String, days: String) throws {
        let log = folder + "/output.log"
        guard let file = fopen(folder + "/names", "w") else { throw ChildProcess.Failure(description: "no file") }
        fputs("subjectAltName=\(names)\n", file)
        fclose(file)
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try ChildProcess.run(
            ["openssl", "req", "-x509", "-days", "2", "-subj", "/CN=Souk test authority"] + key
                + ["-keyout", "\(folder)/ca.key", "-out", "\(folder)/ca.pem"], output: log)
        try ChildProcess.run(
            ["openssl", "req", "-new", "-subj", "/CN=souk"] + key
                + ["-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.csr"], output: log)
        try ChildProcess.run(
            [
                "openssl", "x509", "-req", "-in", "\(folder)/cert.csr", "-CA", "\(folder)/ca.pem", "-CAkey",
                "\(folder)/ca.key", "-CAcreateserial", "-days", days, "-extfile", "\(folder)/names", "-out",
                "\(folder)/cert.pem",
            ], output: log)
    }

    private func waitUntilItListens() async throws {
        let client = HTTPClient()
        for _ in 1...200 {
            // Its certificate is refused here: that it offers one is what counts.
            let error = await failure(client, HTTPRequest(url: url, connectTimeout: .seconds(5)))
            if error?.kind == .tls { return }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw ChildProcess.Failure(description: "nghttpx did not begin to listen on port \(port)")
    }
}
