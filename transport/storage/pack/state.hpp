#pragma once

#include <condition_variable>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"
#include "core/value/error.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/writer_options.hpp"

namespace locum::storage {

/// A pack that this session writes, as what works on it shares it.
struct PackState {
  PackState(std::string file, const PackWriterOptions& wanted, PackContent found)
      : path(std::move(file)), options(wanted), content(std::move(found)) {}

  /// Whether more than half of the file is replaced or removed, and so much that compacting pays.
  [[nodiscard]] bool is_worth_compacting() const LOCUM_REQUIRES(mutex) {
    const std::uint64_t dead = content.end - pack_first_record - content.index.live_bytes();
    return dead > options.least_dead_bytes && dead > content.end / 2;
  }

  const std::string path;
  const PackWriterOptions options;
  Mutex mutex;
  std::condition_variable changed;
  PackContent content LOCUM_GUARDED_BY(mutex);
  std::uint64_t changes LOCUM_GUARDED_BY(mutex) = 0;  ///< counts what was appended
  std::uint64_t on_disk LOCUM_GUARDED_BY(mutex) = 0;  ///< so many of them
  bool is_closing LOCUM_GUARDED_BY(mutex) = false;
  bool is_compacting LOCUM_GUARDED_BY(mutex) = false;  ///< by the thread of its compactor
  /// The disk failed: what the file has is unknown.
  std::optional<Error> failure LOCUM_GUARDED_BY(mutex);
};

}  // namespace locum::storage
