#include "transport/storage/shards/shard_folder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "transport/storage/shards/no_shards.hpp"
#include "transport/storage/shards/shard_key.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view shard_ending = ".shard";
/// Facts of so many new shards, and an eighth of the known ones, are written to the index at a time: each
/// time all of it is written.
constexpr std::size_t least_new_facts = 64;
constexpr std::size_t known_for_one = 8;
/// An index of so many bytes is read by each set(), to find what it says of a shard that is gone.
constexpr std::uint64_t most_index_looked_at = std::uint64_t{64} << 10U;
/// Longest wait for others who change the index, where the caller has no deadline of its own.
constexpr std::chrono::seconds index_wait{10};
constexpr std::chrono::seconds index_wait_at_end{2};

std::string shard_path(const std::string& folder, const std::string& key) {
  return (folder.empty() ? key : folder + '/' + key) + std::string(shard_ending);
}

}  // namespace

// Ranks make an equal share each of what they use; what one of a few ranks has made may have a 32nd of the
// memory, so that the blocks of epochs stay until all ranks have used them.
std::shared_ptr<SharedParts> parts_of_shards(const Session& session, const Store& store) {
  constexpr std::uint64_t parts_of_memory = 32;
  constexpr std::chrono::minutes lifetime{10};  // of what no rank uses any more, and no newer part replaces
  const BackendTraits& traits = session.options().traits;
  return traits.shared_by == SharedBy::process
             ? nullptr
             : std::make_shared<SharedParts>(session, store, lifetime,
                                             traits.largest_record / parts_of_memory);
}

ShardFolder::ShardFolder(std::shared_ptr<FileArea> area, std::string folder, ShardForm form,
                         std::shared_ptr<SharedParts> parts, bool keeps_index)
    : area_(std::move(area)),
      folder_(std::move(folder)),
      form_(std::make_shared<const ShardForm>(std::move(form))),
      parts_(std::move(parts)),
      index_(area_, folder_),
      keeps_index_(keeps_index),
      written_(std::make_shared<Written>()) {}

ShardFolder::~ShardFolder() {
  const MutexLock lock(written_->mutex);
  if (!written_->facts.empty()) {
    // Who lacks it reads the shards.
    (void)index_.update(still_true(*area_, folder_, written_->facts), {}, Deadline(index_wait_at_end));
  }
}

// Others may have removed a shard, and given its key to another one.
ShardFactsByKey ShardFolder::still_true(FileArea& area, const std::string& folder, const OwnByKey& own) {
  ShardFactsByKey made;
  for (const auto& [key, shard] : own) {
    const auto now = area.facts(shard_path(folder, key));
    if (now && now->identity == shard.identity) {
      made.emplace(key, shard.facts);
    }
  }
  return made;
}

std::string ShardFolder::path_of(const std::string& key) const {
  return shard_path(folder_, key);
}

Result<std::vector<std::string>> ShardFolder::list() const {
  const auto entries = area_->list(folder_);
  if (!entries) {
    return entries.error().code() == Errc::not_found ? Result<std::vector<std::string>>(std::in_place)
                                                     : entries.error();
  }
  std::vector<std::string> keys;
  for (const AreaEntry& entry : *entries) {
    if (!entry.is_folder && entry.name.size() > shard_ending.size() && entry.name.ends_with(shard_ending)) {
      std::string key = entry.name.substr(0, entry.name.size() - shard_ending.size());
      if (check_shard_key(key)) {
        keys.push_back(std::move(key));
      }
    }
  }
  std::ranges::sort(keys);
  return keys;
}

Result<std::vector<std::string>> ShardFolder::keys(const std::string& after, std::size_t most,
                                                   Deadline /*deadline*/) {
  return guarded([&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> page;
    const MutexLock lock(mutex_);
    if (after.empty() || !std::ranges::binary_search(listed_, after)) {
      auto now = list();
      if (!now) {
        return now.error();
      }
      listed_ = std::move(*now);
    }
    const auto first = after.empty() ? listed_.begin() : std::ranges::upper_bound(listed_, after);
    const auto rest = static_cast<std::size_t>(listed_.end() - first);
    page.assign(first, first + static_cast<std::ptrdiff_t>(std::min(rest, most)));
    return page;
  });
}

Result<std::vector<ShardFacts>> ShardFolder::index(Deadline deadline) {
  return guarded([&]() -> Result<std::vector<ShardFacts>> {
    // The file first: a shard that is written meanwhile is then in the folder at least.
    auto known = index_.read();
    const auto there = known ? list() : Result<std::vector<std::string>>(known.error());
    if (!there) {
      return there.error();
    }
    OwnByKey own;
    {
      const MutexLock lock(written_->mutex);
      own = written_->facts;
    }
    ShardFactsByKey added = still_true(*area_, folder_, own);
    {
      const MutexLock lock(written_->mutex);
      std::erase_if(written_->facts, [&](const auto& mine) { return !added.contains(mine.first); });
    }
    std::vector<ShardFacts> facts;
    facts.reserve(there->size());
    for (const std::string& key : *there) {
      if (const auto mine = added.find(key); mine != added.end()) {
        facts.push_back(mine->second);
      } else if (const auto found = known->find(key); found != known->end()) {
        facts.push_back(found->second);
      } else {
        const auto file = open_file(key);
        if (!file && file.error().code() == Errc::not_found) {
          continue;  // it was removed meanwhile
        }
        const auto trailer = file ? ShardFile::trailer_of(**file) : Result<ShardTrailer>(file.error());
        if (!trailer) {
          return trailer.error().about(path_of(key));
        }
        facts.push_back({key, trailer->samples, (*file)->size_bytes()});
        added.emplace(key, facts.back());
      }
    }
    std::vector<std::string> gone;
    for (const auto& [key, shard] : *known) {
      if (!std::ranges::binary_search(*there, key)) {
        gone.push_back(key);
      }
    }
    if (keeps_index_ && (!added.empty() || !gone.empty())) {
      // Whoever may not write there reads all the same.
      if (index_.update(added, gone, deadline.moment(index_wait))) {
        const MutexLock lock(written_->mutex);
        for (const auto& [key, shard] : added) {
          written_->facts.erase(key);
        }
        written_->known = facts.size();
      }
    }
    return facts;
  });
}

Result<std::unique_ptr<AreaFile>> ShardFolder::open_file(const std::string& key) const {
  return area_->open(path_of(key), {.tells_folders = false, .reads_parts = true});
}

Result<std::shared_ptr<const OpenShard>> ShardFolder::open(const std::string& key, Deadline /*deadline*/) {
  return guarded([&]() -> Result<std::shared_ptr<const OpenShard>> {
    if (const auto right = check_shard_key(key); !right) {
      return right.error();
    }
    auto file = open_file(key);
    if (!file) {
      return file.error().code() == Errc::not_found
                 ? Error(Errc::not_found,
                         "there is no shard '" + key + "'; list the keys to see which there are")
                 : file.error().about(path_of(key));
    }
    std::string content = area_->name() + '/' + (*file)->facts().identity;
    auto shard = ShardFile::open(std::move(*file), path_of(key), std::move(content), parts_);
    if (!shard) {
      return shard.error().about(path_of(key));
    }
    if ((*shard)->index().type != form_->type) {
      return Error(Errc::type_mismatch, "the shard '" + key + "' has samples of the type " +
                                            (*shard)->index().type + ", and they are read as " + form_->type +
                                            "; open the shards with the type that wrote them");
    }
    return std::shared_ptr<const OpenShard>(std::move(*shard));
  });
}

void ShardFolder::note(Written& written, const std::shared_ptr<FileArea>& area, const std::string& folder,
                       const ShardFacts& facts, Deadline deadline) {
  const auto now = area->facts(shard_path(folder, facts.key));
  if (!now || now->size_bytes != facts.bytes) {
    return;  // another one has the key already
  }
  const ShardSetIndex index(area, folder);
  // Of a shard that was removed by hand, and whose key this one has now.
  const auto known = index.read(most_index_looked_at);
  const auto before = known ? known->find(facts.key) : ShardFactsByKey::const_iterator();
  const bool is_other = known && before != known->end() &&
                        (before->second.samples != facts.samples || before->second.bytes != facts.bytes);
  OwnByKey added;
  {
    const MutexLock lock(written.mutex);
    written.facts.insert_or_assign(facts.key, Own{facts, now->identity});
    if (!is_other && written.facts.size() < least_new_facts + written.known / known_for_one) {
      return;
    }
    added.swap(written.facts);
    written.known += added.size();
  }
  if (const auto done = index.update(still_true(*area, folder, added), {}, deadline.moment(index_wait));
      !done) {
    const MutexLock lock(written.mutex);
    written.facts.merge(added);
  }
}

Result<std::unique_ptr<ShardDraft>> ShardFolder::create(const std::string& key) {
  return guarded([&]() -> Result<std::unique_ptr<ShardDraft>> {
    if (const auto right = check_shard_key(key); !right) {
      return right.error();
    }
    auto file = area_->create(path_of(key));
    if (!file) {
      return file.error().about(path_of(key));
    }
    return std::unique_ptr<ShardDraft>(std::make_unique<FileShardDraft>(
        std::move(*file), form_, key,
        [written = written_, area = area_, folder = folder_](const ShardFacts& facts, Deadline deadline) {
          note(*written, area, folder, facts, deadline);
        }));
  });
}

Result<bool> ShardFolder::remove(const std::string& key, Deadline deadline) {
  if (const auto right = check_shard_key(key); !right) {
    return right.error();
  }
  {
    const MutexLock lock(written_->mutex);
    written_->facts.erase(key);
  }
  const auto removed = area_->remove(path_of(key));
  if (!removed) {
    return removed.error().about(path_of(key));
  }
  // A shard that gets this key later must not be taken for the one that was removed.
  const auto known = index_.read();
  if (known && known->contains(key)) {
    const std::array<std::string, 1> gone{key};
    if (auto done = index_.update({}, gone, deadline.moment(index_wait)); !done) {
      return done.error();
    }
  }
  return *removed;
}

Error ShardFolder::none() const {
  return no_shards(
      *area_, folder_, "*.shard",
      "check the name, and write shards before they are read; those of other programs are opened by "
      "open_foreign_shards, or by a URL such as webdataset+file:///scratch/train");
}

}  // namespace locum::storage
