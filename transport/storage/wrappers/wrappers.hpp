#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <locum/backend_statistics.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>

/// Wrappers: backends over another backend, which change or watch the records that pass through. Each has a
/// name for URLs (`zstd+redis://…`, options `?zstd.level=3`; the first one is the outermost), and a function
/// here, for programs that put one over the other themselves, also over a backend of their own: `auto backend
/// = storage::retried(open_backend("redis://host").value(), {.times = 5}).value()`, then
/// `open_session(backend)`. Those that cannot fail return the backend, the others a Result. They do not call
/// the backend below them, and block only as long as a file does (of log and audit, and of a secret). Any
/// thread may call them, and the wrappers. REQUIRES: no backend is null, and no statistics.
namespace locum::storage {

/// Options of `prefix`.
struct PrefixOptions {
  std::string spaces;  ///< `prefix.space`: in front of the names of stores
  std::string names;   ///< `prefix.name`: in front of those of records
};
/// Separates programs that share a backend: each sees only records with its prefix. Bytes that the backend's
/// names cannot hold are escaped. `invalid_argument` if both are empty, or leave less than 64 bytes of a
/// name.
[[nodiscard]] Result<std::shared_ptr<Backend>> prefixed(std::shared_ptr<Backend> inner,
                                                        const PrefixOptions& options);

/// `readonly`: store, remove and drop are `unsupported`. A store has to exist already when it is opened.
[[nodiscard]] std::shared_ptr<Backend> read_only(std::shared_ptr<Backend> inner);

/// `checksum`: appends a CRC-32C of the whole record to each record. A record that was damaged, or stored
/// without a checksum, is `corrupt`. Stores cost a copy; a record is always loaded as a whole.
[[nodiscard]] std::shared_ptr<Backend> with_checksum(std::shared_ptr<Backend> inner);

/// `zstd`: records are compressed if that makes them shorter, and always have a checksum (so `checksum` is of
/// no use with it). A record is loaded as a whole. `level` (`zstd.level`): from 1, fast, to 22; 3 is usual.
/// Records stored with another level, or with `checksum`, can be read. `unsupported` if this build lacks
/// zstd; `invalid_argument` for another level.
[[nodiscard]] Result<std::shared_ptr<Backend>> compressed_by_zstd(std::shared_ptr<Backend> inner,
                                                                  int level = 3);
/// `lz4`: like `zstd`, but several times faster, and not as short. `unsupported` if this build lacks lz4.
[[nodiscard]] Result<std::shared_ptr<Backend>> compressed_by_lz4(std::shared_ptr<Backend> inner);

/// Options of `cache`.
struct CacheOptions {
  std::uint64_t bytes = std::uint64_t{64} << 20U;  ///< `cache.bytes`: most memory, about
  std::chrono::milliseconds longest{1000};         ///< `cache.ms`: how long others' changes may be missed
};
/// Keeps whole records that were loaded, the last used ones (a near cache). Records that this wrapper stores
/// and removes are forgotten, and loaded again when requested; changes by others are seen after `longest` at
/// the latest. A change that expects a revision is decided by the backend, whatever is cached.
/// `invalid_argument` for 0.
[[nodiscard]] Result<std::shared_ptr<Backend>> cached(std::shared_ptr<Backend> inner,
                                                      const CacheOptions& options = {});

/// Loads from and lists a second backend as well (`fallback.to`, its URL): records that the first does not
/// have, or cannot return within half of the time (`timeout`, `peer_lost`). Names that either has are listed;
/// if the first cannot be reached, those of the second alone. Changes are made in the first only: a record
/// that only the second has cannot be removed, and may be put once more.
[[nodiscard]] std::shared_ptr<Backend> with_fallback(std::shared_ptr<Backend> first,
                                                     std::shared_ptr<Backend> second);

/// Makes every change in a second backend, too (`fanout.to`, its URL). The first decides whether expectations
/// hold, and is the one that is loaded and listed. A change that was made in the first alone is an error
/// `system` that states it; the change stays. If two processes replace a record at once, the second backend
/// may keep the one that the first does not.
[[nodiscard]] std::shared_ptr<Backend> fanned_out(std::shared_ptr<Backend> first,
                                                  std::shared_ptr<Backend> second);

/// Options of `encrypt`: references of secrets, see secret_in(). A key has 32 bytes, as 64 hexadecimal digits
/// or in base64.
struct EncryptionOptions {
  std::string key;                    ///< `encrypt.key`: encrypts the records stored from now on
  std::vector<std::string> old_keys;  ///< `encrypt.old`, with commas between: keys of older records
};
/// Encrypts and authenticates records (XChaCha20-Poly1305 in chunks, by libsodium), together with the space
/// and name that they are stored under: a record that was changed, cut or moved to another name is `corrupt`.
/// Names, sizes and moments are not hidden, and a party that can write to the backend can put an earlier
/// record of the same name back. The errors of secret_in(); `invalid_argument` for an invalid key;
/// `unsupported` if this build lacks libsodium. No error has a part of a key.
[[nodiscard]] Result<std::shared_ptr<Backend>> encrypted(std::shared_ptr<Backend> inner,
                                                         const EncryptionOptions& options);

/// `limit.bytes`: larger records are `value_too_large`, before anything is sent. `invalid_argument` below
/// 1024.
[[nodiscard]] Result<std::shared_ptr<Backend>> size_limited(std::shared_ptr<Backend> inner,
                                                            std::uint64_t bytes);

/// `default.name`: a get of a name that a store does not have shows the object `name` of the same store, with
/// its own name, key and generation; `not_found` if that does not exist, either. All other calls see only
/// existing objects: puts, `replace`, `evict`, `exists`, `info`, `keys`, keys, handles and stand-ins, and
/// waits, which last until the name is put. Stores look for it: load() of this backend does not.
/// `invalid_argument` without a name.
[[nodiscard]] Result<std::shared_ptr<Backend>> with_default(std::shared_ptr<Backend> inner, std::string name);

/// Options of `ttl`. 0: no such lifetime.
struct LifetimeOptions {
  std::chrono::milliseconds otherwise{0};  ///< `ttl.ms`: of records that are stored without one
  std::chrono::milliseconds longest{0};    ///< `ttl.longest_ms`: those that are longer are cut
};
/// Sets lifetimes of records; the list of stores does not expire. `unsupported` over a backend that does not
/// itself remove expired records.
[[nodiscard]] Result<std::shared_ptr<Backend>> with_lifetime(std::shared_ptr<Backend> inner,
                                                             const LifetimeOptions& options);

/// `timeout.ms`: no call has more time than this, whatever its deadline. Waits for a record keep theirs.
[[nodiscard]] Result<std::shared_ptr<Backend>> time_limited(std::shared_ptr<Backend> inner,
                                                            std::chrono::milliseconds longest);

/// Options of `retry`.
struct RetryOptions {
  std::uint32_t times = 3;  ///< `retry.times`: attempts in all
  /// `retry.ms`: before the second; twice as long each time, an hour at most.
  std::chrono::milliseconds first_pause{10};
  std::chrono::milliseconds longest_pause{1'000};  ///< `retry.longest_ms`
};
/// Makes calls that end in `timeout` or `peer_lost` again, within their deadline, after a pause that is cut
/// at random by up to a half. So that nothing is changed twice, a store first checks whether its record
/// exists: by the revision, which is one for each put. If that cannot be found out (another record exists, or
/// none to remove), the error is that of the attempt before: the change may or may not have been made, as
/// without retries. Dropping a space and waiting are not retried. `invalid_argument` for 0.
[[nodiscard]] Result<std::shared_ptr<Backend>> retried(std::shared_ptr<Backend> inner,
                                                       const RetryOptions& options = {});

/// `stats`: counts the calls, each record of a batch as one. By URL all that have one `stats.name` (its
/// default is the backend's scheme) count together, see find_statistics().
[[nodiscard]] std::shared_ptr<Backend> counted(std::shared_ptr<Backend> inner,
                                               std::shared_ptr<BackendStatistics> statistics);

/// `log.file`: appends a line for each call to a file, or to standard error if `file` is empty: the call,
/// space, name, bytes, microseconds, outcome. Never contents, nor texts of errors. `system` if the file
/// cannot be opened; a line that cannot be written is left out.
[[nodiscard]] Result<std::shared_ptr<Backend>> logged(std::shared_ptr<Backend> inner,
                                                      const std::string& file = {});

/// Options of `audit`.
struct AuditOptions {
  std::string file;  ///< `audit.file`; made if need be, readable for its user alone
  std::string who;   ///< `audit.who`; empty: "uid" and the number of the user
};
/// Appends a line for each call to a file, by one write: time (UTC), `who`, host, rank of the job, process,
/// call, space, name, bytes, outcome. A call that was done and is not in the file is the error `system`. The
/// file is not forced to the disk. `invalid_argument` without a file; `system` if it cannot be opened.
[[nodiscard]] Result<std::shared_ptr<Backend>> audited(std::shared_ptr<Backend> inner,
                                                       const AuditOptions& options);

}  // namespace locum::storage
