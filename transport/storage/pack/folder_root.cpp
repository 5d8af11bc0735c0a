#include "transport/storage/pack/folder_root.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/errors.hpp"
#include "transport/storage/file/folder_names.hpp"
#include "transport/storage/pack/file.hpp"
#include "transport/storage/pack/folder_names.hpp"
#include "transport/storage/pack/reader.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view lock_name = "/.packs";
/// A space that is being removed, and a number.
constexpr std::string_view removed_name = ".removed-";

bool is_file(const std::string& path) noexcept {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && !S_ISDIR(facts.st_mode);
}

bool is_there(const std::string& path) noexcept {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

std::vector<std::filesystem::path> folders_in(const std::string& path) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (std::filesystem::directory_iterator one(path, failed), end; !failed && one != end;
       one.increment(failed)) {
    if (one->is_directory(failed)) {
      found.push_back(one->path());
    }
  }
  return found;
}

// Only what is a pack's own: whatever else somebody has put there stays.
void remove_packs(const std::filesystem::path& folder) noexcept {
  std::error_code failed;
  for (std::filesystem::directory_iterator one(folder, failed), end; !failed && one != end;
       one.increment(failed)) {
    const std::string name = one->path().filename().string();
    if (name.ends_with(pack_suffix) || name.ends_with(temporary_of(std::string(pack_suffix)))) {
      ::unlink(one->path().c_str());
    }
  }
  ::rmdir(folder.c_str());
}

// A pack says what it holds, and its name has to say the same.
Result<std::shared_ptr<Pack>> with_right_name(Result<std::shared_ptr<Pack>> pack, const std::string& root,
                                              const std::string& path) {
  if (!pack) {
    return pack;
  }
  const auto held = (*pack)->any_record();
  const std::string right = held ? pack_path_of({held->space, held->name}) : path;
  return right == path ? std::move(pack)
                       : Result<std::shared_ptr<Pack>>(
                             Error(Errc::invalid_argument,
                                   "the pack '" + root + '/' + path + "' has records of '" + right +
                                       "': it was renamed; give it that name again, or move it elsewhere"));
}

}  // namespace

Result<PackFolderRoot> PackFolderRoot::open(const std::string& path) {
  Descriptor folder = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!folder.is_open()) {
    const int error = errno;
    if (is_file(path)) {
      return Error(Errc::invalid_argument, "'" + path +
                                               "' is a file, and files=collection takes a folder; leave that "
                                               "option out if the file is a pack, or name another path");
    }
    return error == ENOENT ? not_made_yet("no folder '" + path + "'", "?read=1")
                           : file_error("opening the folder", path, error);
  }
  return PackFolderRoot(path, std::move(folder));
}

Result<PackFolderRoot> PackFolderRoot::open_writer(const std::string& path,
                                                   const PackWriterOptions& options) {
  if (!is_file(path)) {
    if (auto made = make_folder(path, options.syncs); !made) {
      return made.error();
    }
  }
  auto root = open(path);
  if (!root) {
    return root;
  }
  auto lock =
      open_pack_writer(path + std::string(lock_name), {.syncs = options.syncs, .locks = options.locks});
  if (!lock) {
    return lock.error();
  }
  root->lock_ = std::move(*lock);
  root->options_ = PackWriterOptions{.syncs = options.syncs,
                                     .locks = options.locks,
                                     .keeps_empty_file = false,
                                     .least_dead_bytes = options.least_dead_bytes};
  for (const std::filesystem::path& folder : folders_in(path)) {
    if (folder.filename().string().starts_with(removed_name)) {
      remove_packs(folder);  // by a process that was killed meanwhile
    }
  }
  return root;
}

Result<PackFolderRoot> PackFolderRoot::open_reader(const std::string& path) {
  auto root = open(path);
  if (root && !is_there(path + std::string(lock_name))) {
    return not_made_yet("no pack in the folder '" + path + "'", "?read=1");
  }
  return root;
}

Result<std::shared_ptr<Pack>> PackFolderRoot::open_pack(const std::string& path, bool makes) const {
  const std::string whole = path_ + '/' + path;
  if (only_reads()) {
    return with_right_name(open_pack_reader(whole), path_, path);
  }
  if (!is_there(whole)) {
    if (!makes) {
      return no_such_object();
    }
    if (auto made = make_folder(folder_of(whole), options_->syncs); !made) {
      return made.error();
    }
  }
  return with_right_name(open_pack_writer(whole, *options_), path_, path);
}

Result<std::vector<std::string>> PackFolderRoot::packs_like(std::string_view space,
                                                            std::string_view prefix) const {
  if (!collection_of(prefix).empty()) {
    return std::vector{pack_path_of({space, prefix})};
  }
  const std::string folder = pack_folder_name(space);
  auto names = names_in_folder(folder_.number(), folder);
  if (!names) {
    return names;
  }
  std::erase_if(*names, [&](const std::string& name) { return !may_have_names(name, prefix); });
  for (std::string& name : *names) {
    name.insert(0, folder + '/');
  }
  return names;
}

Result<std::uint64_t> PackFolderRoot::count_records(std::string_view space, Deadline deadline) const {
  const auto paths = packs_like(space, {});
  if (!paths) {
    return paths.error();
  }
  std::uint64_t count = 0;
  for (const std::string& path : *paths) {
    const auto pack = open_pack_reader(path_ + '/' + path);
    const auto names = pack ? (*pack)->list(space, {}, deadline) : pack.error();
    if (!names && names.error().code() != Errc::not_found) {  // made by a process that was killed meanwhile
      return names.error();
    }
    count += names ? names->size() : 0;
  }
  return count;
}

// What counts is that the folder has lost its name.
Result<void> PackFolderRoot::remove_space(std::string_view space) const {
  const std::string folder = path_ + '/' + pack_folder_name(space);
  std::string removed;
  for (int number = 1; removed.empty() || is_there(removed); ++number) {
    removed = path_ + '/' + std::string(removed_name) + std::to_string(number);
  }
  if (::rename(folder.c_str(), removed.c_str()) != 0) {
    return errno == ENOENT ? Result<void>() : file_error("removing the folder", folder, errno);
  }
  if (const int error = options_->syncs ? sync_file(folder_) : 0; error != 0) {
    return file_error("writing the folder", path_, error);
  }
  remove_packs(removed);
  return {};
}

Result<void> PackFolderRoot::compact_all(const PackWriterOptions& options) const {
  PackWriterOptions now = *options_;
  now.compacts = options.compacts;
  now.repairs = options.repairs;
  for (const std::filesystem::path& folder : folders_in(path_)) {
    const auto names = names_in_folder(folder_.number(), folder.filename().string());
    if (!names) {
      return names.error();
    }
    for (const std::string& name : *names) {
      if (!name.ends_with(pack_suffix)) {
        continue;
      }
      if (const auto opened = open_pack_writer(folder.string() + '/' + name, now); !opened) {
        return opened.error();
      }
    }
  }
  return {};
}

}  // namespace locum::storage
