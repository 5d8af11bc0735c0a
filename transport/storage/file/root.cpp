#include "transport/storage/file/root.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>
#include <filesystem>

#include "core/base/resolved_path.hpp"
#include "core/value/error.hpp"

namespace locum::storage {

namespace {

// A server that keeps no file open for others takes the bytes of a removed one from whoever maps it.
bool keeps_removed_files(const Descriptor& folder) noexcept {
  constexpr std::int64_t cifs = 0xFF534D42;
  constexpr std::int64_t smb2 = 0xFE534D42;
  constexpr std::int64_t type_bits = 0xFFFFFFFF;
  struct statfs facts {};
  if (::fstatfs(folder.number(), &facts) != 0) {
    return false;
  }
  const std::int64_t type = std::int64_t{facts.f_type} & type_bits;
  return type != NFS_SUPER_MAGIC && type != SMB_SUPER_MAGIC && type != cifs && type != smb2;
}

Result<std::filesystem::path> root_path(const Url& url) {
  if (!url.host.empty() && url.host != "localhost") {
    return Error(Errc::invalid_argument,
                 "file: has no hosts: '" + url.host +
                     "' may be meant as a folder; write file:///PATH with three slashes, "
                     "or file:PATH for a path from the working folder");
  }
  if (!url.user.empty() || url.port != 0 || url.path.empty()) {
    return Error(Errc::invalid_argument,
                 "file: takes the path of a folder: file:///scratch/run17, or file:relative/folder");
  }
  std::filesystem::path path = resolved_path(url.path);
  if (!path.has_filename()) {
    path = path.parent_path();  // "folder/"
  }
  return path;
}

Result<FileRoot> open_at_url(const Url& url, bool creates, bool syncs) {
  const auto path = root_path(url);
  if (!path) {
    return path.error();
  }
  FileRoot root;
  root.path = path->string();
  root.syncs = syncs;
  if (creates) {
    if (auto made = make_folder(*path, syncs); !made) {
      return made.error();
    }
  }
  root.folder = open_at(AT_FDCWD, root.path, O_RDONLY | O_DIRECTORY);
  if (!root.folder.is_open()) {
    if (errno == ENOENT) {
      return Error(Errc::not_found,
                   "there is no folder '" + root.path + "'; check the path, or leave out create=0");
    }
    return file_error("opening the folder", root.path, errno);
  }
  root.maps = keeps_removed_files(root.folder);
  return root;
}

}  // namespace

Result<FileRoot> open_root(const Url& url) {
  const auto known = url.knows_only({"sync", "plain", "create"});
  const auto syncs = url.flag("sync", true);
  const auto is_plain = url.flag("plain", false);
  const auto creates = url.flag("create", true);
  if (!known || !syncs || !is_plain || !creates) {
    return !known ? known.error() : !syncs ? syncs.error() : !is_plain ? is_plain.error() : creates.error();
  }
  auto root = open_at_url(url, *creates, *syncs);
  if (root) {
    root->is_plain = *is_plain;
  }
  if (root && *creates) {
    // While the disk has room: later it may take this lock to make some.
    (void)open_at(root->folder.number(), root->lock, O_RDWR | O_CREAT, 0666);
  }
  return root;
}

Result<FileRoot> open_plain_root(const Url& url, bool makes) {
  const auto known = url.knows_only({"sync", "create"});
  const auto syncs = url.flag("sync", true);
  const auto creates = url.flag("create", true);
  if (!known || !syncs || !creates) {
    return !known ? known.error() : !syncs ? syncs.error() : creates.error();
  }
  return open_at_url(url, *creates && makes, *syncs);
}

Result<std::string> plain_root_path(const Url& url) {
  const auto path = root_path(url);
  return path ? Result<std::string>(path->string()) : path.error();
}

}  // namespace locum::storage
