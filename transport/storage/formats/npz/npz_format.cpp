#include "transport/storage/formats/npz/npz_format.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "transport/storage/formats/npy/npy_content.hpp"
#include "transport/storage/formats/npy/npy_load.hpp"
#include "transport/storage/formats/npy/npy_options.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/format_options.hpp"
#include "transport/storage/zip/zip_fields.hpp"
#include "transport/storage/zip/zip_member.hpp"
#include "transport/storage/zip/zip_reader.hpp"
#include "transport/storage/zip/zip_writer.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 1> npz_endings{".npz"};
constexpr std::array<FormatOption, 6> npz_format_options{
    {{"only", "the name of an array, which is loaded alone: its value, not members"},
     {"compress", "true saves by deflate, as numpy.savez_compressed does"},
     {"level", "1 (fast) to 9 (small), with compress = true; 6 if it is not given"},
     {"half", "\"f32\" loads floating-point numbers of 16 bits as f32, which is exact"},
     {"times", "\"i64\" loads datetime64 and timedelta64 as the integers they are, without their unit"},
     {"columns", "true saves members of members that are arrays of one length as structured arrays"}}};
constexpr FormatTraits npz_traits{
    .name = "npz",
    .endings = npz_endings,
    .holds = "arrays of NumPy under names, in an archive of ZIP",
    .options = npz_format_options,
};
constexpr std::string_view npz_array_ending = ".npy";

struct NpzOptions {
  NpyOptions array;
  bool has_only = false;
  std::string only;
  int level = 0;  ///< 0: members are stored
};

Result<NpzOptions> npz_options_of(const Record& options) {
  NpzOptions chosen;
  const auto array = npy_options_of(options);
  if (!array) {
    return array.error();
  }
  chosen.array = *array;
  const FormatOptions given(options);
  const auto only = given.text("only", "");
  if (!only) {
    return only.error();
  }
  chosen.has_only = given.has("only");
  chosen.only = *only;
  const auto compress = given.flag("compress", false);
  if (!compress) {
    return compress.error();
  }
  const auto level = given.count("level", 6);
  if (!level || *level < 1 || *level > 9 || (given.has("level") && !*compress)) {
    return wrong_option("level", "an integer from 1 (fast) to 9 (small), together with compress = true");
  }
  chosen.level = *compress ? static_cast<int>(*level) : 0;
  return chosen;
}

/// Returns the error of a member.
Error in_npz_member(std::string_view name, const Error& error) {
  return Error(error.code(), "in member " + quoted_name(name) + ": " + error.text(), error.detail());
}

bool is_npz_array(const ZipEntry& entry) {
  return entry.name.ends_with(npz_array_ending);
}

std::string npz_name_of(const ZipEntry& entry) {
  return is_npz_array(entry) ? entry.name.substr(0, entry.name.size() - npz_array_ending.size()) : entry.name;
}

/// Returns the members of the archive that are files, under unique names.
Result<std::vector<ZipEntry>> npz_entries_of(FileBytes& file) {
  auto entries = read_zip_directory(file);
  if (!entries) {
    return entries;
  }
  std::erase_if(*entries,
                [](const ZipEntry& entry) { return entry.name.ends_with('/') && entry.bytes == 0; });
  std::unordered_set<std::string> names;
  for (const ZipEntry& entry : *entries) {
    if (!names.insert(npz_name_of(entry)).second) {
      return Error(Errc::corrupt, "at byte " + std::to_string(entry.at) +
                                      ": the archive has a file and an array "
                                      "of the name " +
                                      quoted_name(npz_name_of(entry)) + "; take the file out of the archive");
    }
  }
  return entries;
}

Error no_npz_member(const std::string& name, const std::vector<ZipEntry>& entries) {
  constexpr std::size_t most = 10;
  std::string names;
  for (std::size_t at = 0; at < std::min(entries.size(), most); ++at) {
    names.append(at == 0 ? "" : ", ").append(quoted_name(npz_name_of(entries[at])));
  }
  return Error(Errc::not_found, "the file has no array of the name " + quoted_name(name) + "; " +
                                    (entries.empty() ? "it is empty" : "it has " + names) +
                                    (entries.size() > most ? " and more" : ""));
}

/// Returns what `read` returns for each member, under its name; or for the only one that is asked for.
template <class Read>
Result<Record> npz_members_of(FileBytes& file, const NpzOptions& options, Read read) {
  auto entries = npz_entries_of(file);
  if (!entries) {
    return entries.error();
  }
  const auto read_one = [&](const ZipEntry& entry) -> Result<Record> {
    auto member = ZipMember::open(file, entry);
    if (!member) {
      return member.error();
    }
    auto value = read(**member, entry);
    return value ? std::move(value) : in_npz_member(entry.name, value.error());
  };
  if (options.has_only) {
    const auto found = std::ranges::find_if(*entries, [&options](const ZipEntry& entry) {
      return npz_name_of(entry) == options.only || entry.name == options.only;
    });
    return found == entries->end() ? no_npz_member(options.only, *entries) : read_one(*found);
  }
  Record members = Record::members({});
  for (const ZipEntry& entry : *entries) {
    auto value = read_one(entry);
    if (!value) {
      return value;
    }
    members.set(npz_name_of(entry), std::move(*value));
  }
  return members;
}

Result<Record> load_npz_member(ZipMember& member, const ZipEntry& entry, const NpyOptions& options,
                               const MakeArray& make) {
  if (!is_npz_array(entry)) {
    Record::Bytes bytes(static_cast<std::size_t>(member.size_bytes()));
    if (auto filled = member.read(0, bytes); !filled) {
      return filled.error();
    }
    auto checked = member.check();
    return checked ? Result<Record>(std::move(bytes)) : checked.error();
  }
  auto loaded = load_npy(member, options, make);
  if (!loaded) {
    return loaded.error();
  }
  if (!loaded->is_in_place) {
    if (auto checked = member.check(); !checked) {
      return checked.error();
    }
  }
  return std::move(loaded->value);
}

Result<Record> npz_member_info(ZipMember& member, const ZipEntry& entry) {
  return is_npz_array(entry)
             ? npy_info(member)
             : Record::members({{"type", "bytes"}, {"extents", Record::list({Record(entry.bytes)})}});
}

Result<void> save_npz_member(ZipWriter& archive, const std::string& name, const Record& value, bool columns) {
  const NpySink sink = [&archive](std::span<const std::byte> bytes) { return archive.write(bytes); };
  if (value.kind() == Record::Kind::bytes) {
    if (name.ends_with(npz_array_ending)) {
      return Error(Errc::type_mismatch,
                   "raw bytes under a name that ends with .npy would be read as an array; "
                   "give them another name");
    }
    const auto bytes = value.as<Record::Bytes>();
    if (!bytes) {
      return bytes.error();
    }
    auto begun = archive.begin(name, bytes->size());
    auto written = begun ? archive.write(*bytes) : begun;
    return written ? archive.end() : written;
  }
  const auto content = NpyContent::of(value, columns);
  if (!content) {
    return content.error();
  }
  auto begun = archive.begin(name + std::string(npz_array_ending), content->size_bytes());
  auto written = begun ? content->write(sink) : begun;
  return written ? archive.end() : written;
}

class NpzFormat final : public Format {
 public:
  [[nodiscard]] const FormatTraits& traits() const noexcept override { return npz_traits; }
  [[nodiscard]] bool recognises(std::span<const std::byte> first) const noexcept override {
    if (first.size() >= zip_end_bytes && zip_u32(first, 0) == zip_end_signature) {
      return true;  // an archive without members
    }
    if (first.size() < zip_local_bytes || zip_u32(first, 0) != zip_local_signature) {
      return false;
    }
    const std::size_t name_bytes = zip_u16(first, 26);
    const auto behind = first.subspan(zip_local_bytes);
    if (name_bytes > behind.size()) {
      return true;  // other archives rarely have such long names
    }
    const std::string_view name(reinterpret_cast<const char*>(behind.data()), name_bytes);
    return name.ends_with(npz_array_ending);
  }
  [[nodiscard]] Result<Record> load(FileBytes& file, const Record& options,
                                    const MakeArray& make) const override {
    return format_call([&]() -> Result<Record> {
      const auto chosen = npz_options_of(options);
      if (!chosen) {
        return chosen.error();
      }
      return npz_members_of(file, *chosen, [&](ZipMember& member, const ZipEntry& entry) {
        return load_npz_member(member, entry, chosen->array, make);
      });
    });
  }
  [[nodiscard]] Result<void> save(const Record& value, FileDraft& file,
                                  const Record& options) const override {
    return format_call([&]() -> Result<void> {
      const auto chosen = npz_options_of(options);
      if (!chosen) {
        return chosen.error();
      }
      if (value.kind() != Record::Kind::members) {
        return Error(Errc::type_mismatch, ".npz files hold arrays under names, not " +
                                              npy_kind_name(value.kind()) +
                                              "; give it a name, or save one array as .npy");
      }
      ZipWriter archive(file, chosen->level);
      for (const auto& [name, member] : value.members()) {
        if (auto saved = save_npz_member(archive, name, member, chosen->array.columns); !saved) {
          return in_npz_member(name, saved.error());
        }
      }
      return archive.finish();
    });
  }
  [[nodiscard]] Result<Record> info(FileBytes& file, const Record& options) const override {
    return format_call([&]() -> Result<Record> {
      const auto chosen = npz_options_of(options);
      if (!chosen) {
        return chosen.error();
      }
      return npz_members_of(file, *chosen, npz_member_info);
    });
  }
};

}  // namespace

std::shared_ptr<const Format> npz_format() {
  return std::make_shared<const NpzFormat>();
}

}  // namespace locum::storage
