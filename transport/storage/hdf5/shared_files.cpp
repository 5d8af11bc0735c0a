#include "transport/storage/hdf5/shared_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

const WrittenBytes* PartContents::find(const ObjectFacts& facts) const {
  const auto found = objects.find(facts.key);
  return found != objects.end() && found->second.size_bytes == facts.size_bytes ? &found->second : nullptr;
}

std::vector<bool> worth_sharing(const std::vector<FileUse>& files) {
  std::vector<std::size_t> chosen;
  for (std::size_t at = 0; at < files.size(); ++at) {
    if (files[at].used_bytes > 0 && files[at].used_bytes >= files[at].payload_bytes / 2) {
      chosen.push_back(at);
    }
  }
  // Not just one too many: otherwise every later checkpoint would write the objects of another file again.
  if (chosen.size() > most_shared_files) {
    std::ranges::stable_sort(chosen, std::ranges::greater(),
                             [&](std::size_t at) { return files[at].used_bytes; });
    chosen.resize(most_shared_files / 2);
  }
  std::vector<bool> worth(files.size(), false);
  for (const std::size_t at : chosen) {
    worth[at] = true;
  }
  return worth;
}

SharedFiles::SharedFiles(const PartContents& earlier, const std::vector<std::uint64_t>& used,
                         const std::string& folder) {
  std::vector<FileUse> uses;
  for (std::size_t at = 0; at < earlier.files.size(); ++at) {
    uses.push_back({earlier.files[at].payload_bytes, used.at(at)});
  }
  const std::vector<bool> worth = worth_sharing(uses);
  for (std::size_t at = 0; at < earlier.files.size(); ++at) {
    const WrittenFile& file = earlier.files[at];
    if (worth[at] && link(file, earlier.folder + '/' + part_file(file.row), folder)) {
      files_.push_back(file);
      places_.push_back(static_cast<std::uint32_t>(files_.size()));
    } else {
      places_.push_back(0);
    }
  }
}

// Who removes the earlier checkpoint at this moment comes too late, or the link fails. A file that the folder
// has under that name already is of the checkpoint that is replaced: that one must stay as it is.
bool SharedFiles::link(const WrittenFile& file, const std::string& from, const std::string& folder) {
  Link made{.path = folder + '/' + part_file(file.row)};
  const auto there = identity_of(made.path);
  if (there && *there != file.identity) {
    return false;
  }
  const std::string temporary = temporary_of(made.path);
  links_.push_back(std::move(made));
  ::unlink(temporary.c_str());
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    if (identity_of(temporary) == file.identity) {
      return true;
    }
    ::unlink(temporary.c_str());
  }
  links_.pop_back();
  return false;
}

SharedFiles::~SharedFiles() {
  for (const Link& link : links_) {
    if (!link.is_published) {
      ::unlink(temporary_of(link.path).c_str());
    }
  }
}

// Of two names of one file, rename() leaves both.
void SharedFiles::publish() {
  for (Link& link : links_) {
    const std::string temporary = temporary_of(link.path);
    link.was_there = identity_of(link.path).has_value();
    if (std::rename(temporary.c_str(), link.path.c_str()) != 0) {
      throw file_error("renaming", temporary, errno);
    }
    link.is_published = true;
    ::unlink(temporary.c_str());
  }
}

void SharedFiles::take_back() noexcept {
  for (const Link& link : links_) {
    if (link.is_published && !link.was_there) {
      ::unlink(link.path.c_str());
    }
  }
}

}  // namespace locum::storage
