#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"

namespace locum::storage {

/// The bytes of a file as its format sees them: inflated, where the file is compressed as a whole. Several
/// threads may call.
class PlainBytes {
 public:
  PlainBytes() = default;
  PlainBytes(const PlainBytes&) = delete;
  PlainBytes& operator=(const PlainBytes&) = delete;
  virtual ~PlainBytes() = default;

  /// Reads bytes, and returns their number: fewer than there is room for only where the bytes end. `corrupt`
  /// names the place in the file.
  [[nodiscard]] virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) = 0;
};

/// Inflates a file of gzip: one member, or several one behind the other. A read inflates from the nearest
/// place before it whose state is kept: of these there are 128 at most, 1 MiB of plain bytes or more apart;
/// and keeps the last 128 MiB of plain bytes. The sums of the members are checked when a read passes them in
/// order, as the first one of a shard does. `unsupported` in a build without zlib.
[[nodiscard]] Result<std::shared_ptr<PlainBytes>> open_gzip_bytes(const std::shared_ptr<AreaFile>& file);

/// A draft that deflates what is written, as one member of gzip.
class GzipDraft : public FileDraft {
 public:
  /// Ends the member. Nothing may be written afterwards.
  [[nodiscard]] virtual Result<void> finish() = 0;
};
/// Begins a member at the end of `into`. REQUIRES: `into` lives longer. `unsupported` in a build without
/// zlib. \param level 1 (fast) to 9 (small)
[[nodiscard]] Result<std::unique_ptr<GzipDraft>> begin_gzip(FileDraft& into, int level);

}  // namespace locum::storage
