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
