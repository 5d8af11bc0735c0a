#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/backend.hpp"
#include "core/result.hpp"

/// Wrappers: backends over another backend, which change or watch what goes through. Each has a name for URLs
/// (`zstd+redis://…`, options `?zstd.level=3`) and a function here. The first one of a URL is the outermost.
/// Any thread may call a wrapper, as any backend.
namespace locum::storage {

/// Options of `prefix`.
struct PrefixOptions {
  std::string spaces;  ///< `prefix.space`: in front of the names of stores
  std::string names;   ///< `prefix.name`: in front of those of records
};
/// Many programs in one backend: each sees only what has its prefix. Bytes that the backend's names cannot
/// hold are escaped. `invalid_argument` if both are empty, or leave less than 64 bytes of a name.
[[nodiscard]] Result<std::shared_ptr<Backend>> prefixed(std::shared_ptr<Backend> inner,
                                                        const PrefixOptions& options);

/// `readonly`: store, remove and drop are `unsupported`. What is opened has to be there already.
[[nodiscard]] std::shared_ptr<Backend> read_only(std::shared_ptr<Backend> inner);

/// `checksum`: a CRC-32C at the end of each record, of all of it. A record that was damaged, or stored
/// without a checksum, is `corrupt`. Stores cost a copy; a record is always loaded as a whole.
[[nodiscard]] std::shared_ptr<Backend> with_checksum(std::shared_ptr<Backend> inner);

/// `zstd`: records are compressed if that makes them shorter, and always have a checksum (so `checksum` is of
/// no use with it). A record is loaded as a whole. `level` (`zstd.level`): from 1, fast, to 22; 3 is usual.
/// What was stored with another level, or with `checksum`, is read all the same. `unsupported` if this build
/// lacks zstd; `invalid_argument` for another level.
[[nodiscard]] Result<std::shared_ptr<Backend>> compressed_by_zstd(std::shared_ptr<Backend> inner,
                                                                  int level = 3);
/// `lz4`: the same, several times faster, and not as short. `unsupported` if this build lacks lz4.
[[nodiscard]] Result<std::shared_ptr<Backend>> compressed_by_lz4(std::shared_ptr<Backend> inner);

/// Options of `encrypt`: references of secrets, see secret_in(). A key has 32 bytes, as 64 hexadecimal digits
/// or in base64.
struct EncryptionOptions {
  std::string key;                    ///< `encrypt.key`: what is stored from now on is encrypted with this
  std::vector<std::string> old_keys;  ///< `encrypt.old`, with commas between: what is there may have these
};
/// Records are encrypted and authenticated (XChaCha20-Poly1305 in chunks, by libsodium), together with the
/// space and name that they are stored under: a record that was changed, cut or moved to another name is
/// `corrupt`. Names, sizes and moments are not hidden, and whoever can write to the backend can put an
/// earlier record of the same name back. The errors of secret_in(); `invalid_argument` for what is no key;
/// `unsupported` if this build lacks libsodium. No error has a part of a key.
[[nodiscard]] Result<std::shared_ptr<Backend>> encrypted(std::shared_ptr<Backend> inner,
                                                         const EncryptionOptions& options);

/// `limit.bytes`: larger records are `value_too_large`, before anything is sent. `invalid_argument` below
/// 1024.
[[nodiscard]] Result<std::shared_ptr<Backend>> size_limited(std::shared_ptr<Backend> inner,
                                                            std::uint64_t bytes);

/// Options of `ttl`. 0: no such lifetime.
struct LifetimeOptions {
  std::chrono::milliseconds otherwise{0};  ///< `ttl.ms`: of records that are stored without one
  std::chrono::milliseconds longest{0};    ///< `ttl.longest_ms`: those that are longer are cut
};
/// Lifetimes of records; which stores there are does not expire. `unsupported` over a backend that does not
/// remove what has expired itself.
[[nodiscard]] Result<std::shared_ptr<Backend>> with_lifetime(std::shared_ptr<Backend> inner,
                                                             const LifetimeOptions& options);

/// `timeout.ms`: no call has more time than this, whatever its deadline. Waits for a record keep theirs.
[[nodiscard]] Result<std::shared_ptr<Backend>> time_limited(std::shared_ptr<Backend> inner,
                                                            std::chrono::milliseconds longest);

}  // namespace locum::storage
