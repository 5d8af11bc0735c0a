#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/shards/shard_key.hpp"
#include "transport/storage/shards/shard_source.hpp"

namespace locum::storage {

/// Shards that are the files of a folder with certain endings: the name of a file without it is the key. Only
/// read, unless a class of a format adds more. Any thread.
class FolderShards : public ShardSource {
 public:
  /// \param endings with their dots; of several that a name has, the first one counts
  FolderShards(std::shared_ptr<FileArea> area, std::string folder, std::vector<std::string_view> endings);

  [[nodiscard]] std::string_view type() const noexcept final { return {}; }
  /// The folder is listed when `after` is empty; the keys behind one are of that list.
  [[nodiscard]] Result<std::vector<std::string>> keys(const std::string& after, std::size_t most,
                                                      Deadline deadline) final LOCUM_EXCLUDES(mutex_);
  /// Counts are kept in memory as long as their files are not changed.
  [[nodiscard]] Result<std::vector<ShardFacts>> index(Deadline deadline) final LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> open(const std::string& key,
                                                              Deadline deadline) final;
  [[nodiscard]] Result<std::unique_ptr<ShardDraft>> create(const std::string& key) override;
  [[nodiscard]] Result<bool> remove(const std::string& key, Deadline deadline) override;
  [[nodiscard]] Error none() const final;

 protected:
  /// Opens the file of a shard, and finds its samples. \param moment `timeout`
  [[nodiscard]] virtual Result<std::shared_ptr<const OpenShard>> open_file(
      const std::string& path, Deadline::Clock::time_point moment) = 0;
  /// Returns why nothing is written.
  [[nodiscard]] virtual Error only_read() const = 0;
  /// Whether shards may be written: a set without shards, or without its folder, is no error then.
  [[nodiscard]] virtual bool is_written() const noexcept { return false; }

  [[nodiscard]] const std::shared_ptr<FileArea>& area() const noexcept { return area_; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

 private:
  /// Names of files by their keys.
  using Names = std::map<std::string, std::string, std::less<>>;
  struct Known {
    std::string identity;  ///< of the file's content
    ShardFacts facts;
  };

  [[nodiscard]] Result<std::shared_ptr<const Names>> list() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::string path_of(std::string_view name) const {
    return folder_.empty() ? std::string(name) : folder_ + '/' + std::string(name);
  }

  const std::shared_ptr<FileArea> area_;
  const std::string folder_;
  const std::vector<std::string_view> endings_;
  Mutex mutex_;
  std::shared_ptr<const Names> listed_ LOCUM_GUARDED_BY(mutex_);
  std::map<std::string, Known, std::less<>> known_ LOCUM_GUARDED_BY(mutex_);
};

/// Returns the moment at which a call fails.
[[nodiscard]] Deadline::Clock::time_point shard_moment(Deadline deadline);

}  // namespace locum::storage
