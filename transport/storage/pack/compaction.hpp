#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/pack/content.hpp"

namespace locum::storage {

/// Copies the records of a pack that count into a new file beside it, while others go on to be appended to
/// the old one. One thread at a time.
class PackCompaction {
 public:
  /// A record of the old file.
  struct Old {
    std::string space;
    std::string name;
    PackIndex::Entry entry;
  };

  /// Makes the new file, FILE.tmp.
  [[nodiscard]] static Result<PackCompaction> begin(const std::string& path, bool locks,
                                                    bool leaves_out_damage);
  PackCompaction(PackCompaction&& other) noexcept = default;
  PackCompaction& operator=(PackCompaction&&) = delete;
  /// Removes what was not published.
  ~PackCompaction();

  /// Those of an index that it has not copied, in the order of the old file.
  [[nodiscard]] std::vector<Old> missing(const PackIndex& index) const;
  [[nodiscard]] Result<void> copy(const PackFile& from, const Old& old);
  [[nodiscard]] Result<void> sync() const { return content_.file->sync(); }
  struct Published {
    PackContent content;
    /// That the name is on the disk. If not, it may be that of the old file after a loss of power.
    Result<void> is_on_disk;
  };
  /// Gives the new file its name. An error: the old file has it still. REQUIRES: nothing of `index` is
  /// missing, and it does not change meanwhile.
  [[nodiscard]] Result<Published> publish(PackIndex& index);

 private:
  PackCompaction(std::string path, PackContent content, bool leaves_out_damage)
      : path_(std::move(path)), content_(std::move(content)), leaves_out_damage_(leaves_out_damage) {}
  [[nodiscard]] Result<PackRecord> append(const PackRecord& told, std::string_view space,
                                          std::string_view name, const PackFile* body_from,
                                          std::uint64_t body_at);

  std::string path_;
  PackContent content_;
  bool leaves_out_damage_;
  bool is_published_ = false;
  /// By their positions in the old file.
  std::unordered_map<std::uint64_t, Old> copied_;
};

}  // namespace locum::storage
