#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/pack/pack.hpp"
#include "transport/storage/pack/writer_options.hpp"

namespace locum::storage {

/// The folder of packs itself. Beside the folders of spaces there is `.packs`, an empty pack that makes it
/// one, and is locked by who writes it. Any thread.
class PackFolderRoot {
 public:
  /// Makes it, if it is not there, and locks it.
  [[nodiscard]] static Result<PackFolderRoot> open_writer(const std::string& path,
                                                          const PackWriterOptions& options);
  [[nodiscard]] static Result<PackFolderRoot> open_reader(const std::string& path);

  /// Opens a pack by its path in the folder. `makes`: else `not_found` if it is not there.
  [[nodiscard]] Result<std::shared_ptr<Pack>> open_pack(const std::string& path, bool makes) const;
  /// The paths of the packs that may have records of such a space and such names.
  [[nodiscard]] Result<std::vector<std::string>> packs_like(std::string_view space,
                                                            std::string_view prefix) const;
  /// REQUIRES of this and the next: no pack of the space is open.
  [[nodiscard]] Result<std::uint64_t> count_records(std::string_view space, Deadline deadline) const;
  /// Takes all packs of a space away at once, whenever the process ends.
  [[nodiscard]] Result<void> remove_space(std::string_view space) const;
  /// Compacts or repairs all packs, as the options say.
  [[nodiscard]] Result<void> compact_all(const PackWriterOptions& options) const;
  [[nodiscard]] bool only_reads() const noexcept { return !options_; }

 private:
  PackFolderRoot(std::string path, Descriptor folder) : path_(std::move(path)), folder_(std::move(folder)) {}
  [[nodiscard]] static Result<PackFolderRoot> open(const std::string& path);

  std::string path_;
  Descriptor folder_;
  std::optional<PackWriterOptions> options_;  ///< of the packs; none: they are only read
  std::shared_ptr<Pack> lock_;
};

}  // namespace locum::storage
