import CLibPQ
import Glibc

/// Sorts what libpq hands out into the turn under way.
struct ResultCollector {
    let exchange: Exchange
    let handle: OpaquePointer

    mutating func take(_ result: OpaquePointer?, _ cache: inout StatementCache) {
        guard let result else {
            // The end of one step of a pipeline, or of everything.
            if exchange.isPipelined { exchange.position += 1 } else { exchange.isAnswered = true }
            return
        }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            succeeded(PostgresResult(taking: result), &cache)
            return
        case PGRES_PIPELINE_SYNC:
            PQexitPipelineMode(handle)
            exchange.isAnswered = true
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
            failed(PostgresServerError(result), &cache)
        case PGRES_COPY_IN:
            if case .copyBegin = exchange.request {
                exchange.isAnswered = true
            } else {
                exchange.misuse = "COPY … FROM STDIN needs copyIn"
                PQputCopyEnd(handle, "COPY was not expected here")
                PQflush(handle)
            }
        case PGRES_COPY_OUT, PGRES_COPY_BOTH:
            // Nobody will read the rows: this session is of no further use.
            exchange.misuse = "COPY … TO STDOUT is not supported; use a query"
            exchange.isAnswered = true
        default:  // PGRES_PIPELINE_ABORTED: skipped, because an earlier statement failed
            break
        }
        PQclear(result)
    }

    private func succeeded(_ result: PostgresResult, _ cache: inout StatementCache) {
        guard exchange.position < exchange.steps.count else {
            exchange.results.append(result)
            return
        }
        switch exchange.steps[exchange.position] {
        case .prepare(let key, let name): cache.insert(key, name: name)
        case .execute: exchange.results.append(result)
        }
    }

    private func failed(_ error: PostgresServerError, _ cache: inout StatementCache) {
        guard exchange.failure == nil else { return }
        exchange.failure = error
        if exchange.position < exchange.steps.count, case .execute(let key) = exchange.steps[exchange.position],
            PostgresError.server(error).isStaleStatement
        {
            cache.remove(key)
        }
    }
}

extension PostgresServerError {
    /// Reads the fields of an error or notice; does not free the result.
    init(_ result: OpaquePointer) {
        func field(_ code: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(code.value)).map { String(cString: $0) }
        }
        state = SQLState(rawValue: field("C") ?? "")
        severity = field("V") ?? field("S") ?? "ERROR"
        message =
            field("M") ?? withoutNewline(PQresultErrorMessage(result).map { String(cString: $0) } ?? "unknown error")
        detail = field("D")
        hint = field("H")
        schema = field("s")
        table = field("t")
        column = field("c")
        constraint = field("n")
        dataType = field("d")
        position = field("P").flatMap { Int($0) }
        context = field("W")
        sourceFile = field("F")
        routine = field("R")
    }
}
