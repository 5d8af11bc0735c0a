#include "transport/storage/shards/formats/folder_shards.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/shards/no_shards.hpp"

namespace locum::storage {

Deadline::Clock::time_point shard_moment(Deadline deadline) {
  return deadline.moment(std::chrono::hours(1));
}

FolderShards::FolderShards(std::shared_ptr<FileArea> area, std::string folder,
                           std::vector<std::string_view> endings)
    : area_(std::move(area)), folder_(std::move(folder)), endings_(std::move(endings)) {}

Result<std::shared_ptr<const FolderShards::Names>> FolderShards::list() {
  auto entries = area_->list(folder_);
  if (!entries && entries.error().code() == Errc::not_found) {
    entries = std::vector<AreaEntry>();
  }
  if (!entries) {
    return entries.error().about(folder_);
  }
  auto names = std::make_shared<Names>();
  for (const AreaEntry& entry : *entries) {
    const auto ending =
        std::ranges::find_if(endings_, [&](std::string_view one) { return entry.name.ends_with(one); });
    if (entry.is_folder || ending == endings_.end() || entry.name.size() == ending->size() ||
        entry.name.front() == '.') {
      continue;
    }
    const auto [at, is_new] =
        names->emplace(entry.name.substr(0, entry.name.size() - ending->size()), entry.name);
    if (!is_new) {
      return Error(Errc::corrupt, "the files " + quoted_name(at->second) + " and " + quoted_name(entry.name) +
                                      " are shards of the same key; move one of them to another folder")
          .about(folder_);
    }
  }
  if (names->empty() && !is_written()) {
    return none();
  }
  const MutexLock lock(mutex_);
  listed_ = names;
  return std::shared_ptr<const Names>(names);
}

Result<std::vector<std::string>> FolderShards::keys(const std::string& after, std::size_t most,
                                                    Deadline /*deadline*/) {
  std::shared_ptr<const Names> names;
  if (!after.empty()) {
    const MutexLock lock(mutex_);
    names = listed_;
  }
  if (!names) {
    auto listed = list();
    if (!listed) {
      return listed.error();
    }
    names = std::move(*listed);
  }
  std::vector<std::string> keys;
  for (auto at = names->upper_bound(after); at != names->end() && keys.size() < most; ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

Result<std::vector<ShardFacts>> FolderShards::index(Deadline deadline) {
  const auto moment = shard_moment(deadline);
  const auto names = list();
  if (!names) {
    return names.error();
  }
  std::vector<ShardFacts> all;
  for (const auto& [key, name] : **names) {
    const std::string path = path_of(name);
    const auto facts = area_->facts(path);
    if (!facts) {
      if (facts.error().code() == Errc::not_found) {
        continue;  // it was removed meanwhile
      }
      return facts.error().about(path);
    }
    {
      const MutexLock lock(mutex_);
      const auto known = known_.find(key);
      if (known != known_.end() && !facts->identity.empty() && known->second.identity == facts->identity) {
        all.push_back(known->second.facts);
        continue;
      }
    }
    const auto opened = open_file(path, moment);
    if (!opened) {
      if (opened.error().code() == Errc::not_found) {
        continue;
      }
      return opened.error();
    }
    all.push_back({.key = key, .samples = (*opened)->count(), .bytes = facts->size_bytes});
    // Of a file that was replaced in between, the next call counts again.
    const MutexLock lock(mutex_);
    known_[key] = {.identity = facts->identity, .facts = all.back()};
  }
  const MutexLock lock(mutex_);
  std::erase_if(known_, [&](const auto& one) { return !(*names)->contains(one.first); });
  return all;
}

Result<std::shared_ptr<const OpenShard>> FolderShards::open(const std::string& key, Deadline deadline) {
  if (auto right = check_shard_key(key); !right) {
    return Error(Errc::not_found, right.error().text());
  }
  for (const std::string_view ending : endings_) {
    auto opened = open_file(path_of(key + std::string(ending)), shard_moment(deadline));
    if (opened || opened.error().code() != Errc::not_found) {
      return opened;
    }
  }
  return Error(Errc::not_found, "there is no shard of that key").about(path_of(key));
}

Result<std::unique_ptr<ShardDraft>> FolderShards::create(const std::string& /*key*/) {
  return only_read();
}

Result<bool> FolderShards::remove(const std::string& /*key*/, Deadline /*deadline*/) {
  return only_read();
}

Error FolderShards::none() const {
  std::string names;
  for (const std::string_view ending : endings_) {
    names.append(names.empty() ? "*" : ", *").append(ending);
  }
  return no_shards(*area_, folder_, names, "check the name of the folder, and the format");
}

}  // namespace locum::storage
