#include "transport/storage/pack/content.hpp"

#include <unistd.h>

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/pack/scanner.hpp"

namespace locum::storage {

namespace {

Error damaged(const std::string& path, std::uint64_t position) {
  return Error(Errc::corrupt, "the pack '" + path + "' is damaged at byte " + std::to_string(position) +
                                  " in a record that was whole before; take a copy of the file, and open it "
                                  "with ?repair=1, which leaves out what is damaged");
}

std::array<char, pack_line_bytes> this_writer() {
  std::array<char, pack_line_bytes> text{};
  std::array<char, pack_line_bytes> host{};
  (void)::gethostname(host.data(), host.size() - 1);
  const std::string writer = "process " + std::to_string(::getpid()) + " on " + host.data();
  std::memcpy(text.data(), writer.data(), std::min(writer.size(), text.size() - 1));
  return text;
}

Result<void> sign(PackFile& file) {
  auto text = this_writer();
  ::iovec piece{text.data(), text.size()};
  return file.write(pack_line_bytes, {&piece, 1});
}

/// None: the file has no header, not even part of one.
Result<std::optional<PackHeader>> header_of(const PackFile& file, const std::string& path) {
  std::array<std::byte, pack_line_bytes> bytes{};
  const auto read = file.read(0, bytes);
  if (!read) {
    return read.error();
  }
  auto header = read_pack_header(std::span(bytes).first(*read));
  std::uint64_t magic = 0;
  std::memcpy(&magic, bytes.data(), sizeof magic);
  if (!header && (*read == bytes.size() || (*read > 0 && magic != PackHeader::magic_number))) {
    return Error(magic == PackHeader::magic_number ? Errc::corrupt : Errc::invalid_argument,
                 "the file '" + path +
                     "' is no pack that this version of the library reads, or its first "
                     "bytes are damaged; name another file");
  }
  return header;
}

/// Those that the disk may not have had when the machine failed: of these alone the bodies are looked at.
class Unsure {
 public:
  void add(const PackScanner::Found& found, PackContent& content) {
    content.synced = std::max(content.synced, found.record.synced);
    waiting_.push_back({found.record, std::string(found.space), std::string(found.name)});
    while (!waiting_.empty() && waiting_.front().record.position < content.synced) {
      take(content);
    }
  }
  /// The others; what comes behind a body that is wrong was never whole.
  [[nodiscard]] Result<void> settle(PackContent& content) {
    while (!waiting_.empty()) {
      const auto right = PackScanner::has_right_body(*content.file, waiting_.front().record);
      if (!right) {
        return right.error();
      }
      if (!*right) {
        content.end = waiting_.front().record.position;
        return {};
      }
      take(content);
    }
    return {};
  }

 private:
  struct Waiting {
    PackRecord record;
    std::string space;
    std::string name;
  };
  void take(PackContent& content) {
    const Waiting& first = waiting_.front();
    content.index.apply(first.record, first.space, first.name);
    waiting_.pop_front();
  }

  std::deque<Waiting> waiting_;
};

// Whether a record behind that place says that the disk had it: then it was whole once.
Result<bool> was_whole(PackScanner scanner, std::uint64_t synced) {
  const std::uint64_t place = scanner.position();
  if (place < synced) {
    return true;
  }
  for (;;) {
    auto found_one = scanner.skip();
    if (!found_one || !*found_one) {
      return found_one;
    }
    const auto found = scanner.next();
    if (!found) {
      return found.error();
    }
    if (*found && (*found)->record.synced > place) {
      return true;
    }
  }
}

Error cut_off(const std::string& path, std::uint64_t size_bytes, std::uint64_t synced) {
  return Error(Errc::corrupt, "the pack '" + path + "' has " + std::to_string(size_bytes) +
                                  " bytes and had " + std::to_string(synced) +
                                  ": something cut it; take a copy of it, or open it with ?repair=1, which "
                                  "keeps what is there");
}

}  // namespace

Result<void> note_synced(PackContent& content) {
  PackHeader header{.salt = content.salt, .synced = content.end};
  stamp(header);
  ::iovec piece{&header, sizeof header};
  auto written = content.file->write(0, {&piece, 1});
  if (written) {
    content.synced = content.end;
  }
  return written;
}

Result<PackContent> begin_pack(std::shared_ptr<PackFile> file) {
  std::random_device random;
  PackHeader header;
  header.salt = (std::uint64_t{random()} << 32U) | random();
  stamp(header);
  auto text = this_writer();
  std::array<::iovec, 2> pieces{{{&header, sizeof header}, {text.data(), text.size()}}};
  if (auto emptied = file->cut(0); !emptied) {
    return emptied.error();
  }
  if (auto written = file->write(0, pieces); !written) {
    return written.error();
  }
  return PackContent{.file = std::move(file), .salt = header.salt, .end = pack_first_record};
}

Result<PackContent> open_pack(std::shared_ptr<PackFile> file, const std::string& path,
                              bool leaves_out_damage) {
  const auto header = header_of(*file, path);
  const auto size = file->size();
  if (!header || !size) {
    return header ? size.error() : header.error();
  }
  if (*header && (*header)->synced > *size && !leaves_out_damage) {
    return cut_off(path, *size, (*header)->synced);
  }
  if (!*header || *size < pack_first_record) {
    return begin_pack(std::move(file));
  }
  if (auto signed_it = sign(*file); !signed_it) {
    return signed_it.error();
  }
  PackContent content{.file = std::move(file),
                      .salt = (*header)->salt,
                      .end = pack_first_record,
                      .synced = (*header)->synced,
                      .is_damaged = (*header)->synced > *size};
  PackScanner scanner(*content.file, content.salt, content.end, *size);
  Unsure unsure;
  for (;;) {
    const auto found = scanner.next();
    if (!found) {
      return found.error();
    }
    if (*found) {
      unsure.add(**found, content);
      content.end = scanner.position();
      continue;
    }
    if (scanner.stop() == PackScanner::Stop::end) {
      break;
    }
    const auto whole = was_whole(scanner, (*header)->synced);
    if (!whole || (*whole && !leaves_out_damage)) {
      return whole ? damaged(path, scanner.position()) : whole.error();
    }
    if (!*whole) {
      break;
    }
    content.is_damaged = true;
    const auto skipped = scanner.skip();
    if (!skipped) {
      return skipped.error();
    }
    if (!*skipped) {
      break;
    }
  }
  if (auto settled = unsure.settle(content); !settled) {
    return settled.error();
  }
  if (content.end < *size) {
    if (auto is_cut = content.file->cut(content.end); !is_cut) {
      return is_cut.error();
    }
  }
  return content;
}

Result<PackContent> look_into_pack(std::shared_ptr<PackFile> file, const std::string& path) {
  const auto header = header_of(*file, path);
  const auto size = file->size();
  if (!header || !size) {
    return header ? size.error() : header.error();
  }
  if (!*header) {
    return Error(Errc::not_found, "the pack '" + path + "' is being created; open it again");
  }
  if ((*header)->synced > *size) {
    return cut_off(path, *size, (*header)->synced);
  }
  PackContent content{.file = std::move(file),
                      .salt = (*header)->salt,
                      .end = pack_first_record,
                      .synced = (*header)->synced};
  auto read = read_on(content, path, *size);
  return read ? Result<PackContent>(std::move(content)) : read.error();
}

Result<void> read_on(PackContent& content, const std::string& path, std::uint64_t size_bytes) {
  PackScanner scanner(*content.file, content.salt, content.end, size_bytes);
  for (;;) {
    const auto found = scanner.next();
    if (!found) {
      return found.error();
    }
    if (*found) {
      content.index.apply((*found)->record, (*found)->space, (*found)->name);
      content.end = scanner.position();
      continue;
    }
    if (scanner.stop() != PackScanner::Stop::invalid) {
      return {};  // the rest is being written
    }
    const auto whole = was_whole(scanner, content.synced);
    return !whole   ? Result<void>(whole.error())
           : *whole ? Result<void>(damaged(path, content.end))
                    : Result<void>();
  }
}

}  // namespace locum::storage
