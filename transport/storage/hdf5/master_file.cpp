#include "transport/storage/hdf5/master_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <set>
#include <system_error>
#include <unordered_set>

#include "core/base/checksum.hpp"
#include "core/base/resolved_path.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/file_access.hpp"
#include "transport/storage/hdf5/xdmf.hpp"

namespace locum::storage {

namespace {

// More nodes than any machine has: what a damaged file says is not believed.
constexpr std::uint64_t most_parts = 1U << 20U;

constexpr std::size_t id_digits = 16;

// As part_file() names them, or in progress.
bool is_part_file(std::string_view name) {
  if (name.ends_with(".tmp")) {
    name.remove_suffix(4);
  }
  const bool has_id = name.size() > id_digits && name.find_first_not_of("0123456789abcdef") == id_digits &&
                      name[id_digits] == '.';
  return has_id && name.ends_with(".h5");
}

// Those that are chosen by name, and the folder, if it is empty then.
template <class Choice>
void remove_parts(const std::string& path, const Choice& is_chosen) noexcept {
  std::error_code ignored;
  const std::string folder = parts_folder(path);
  for (std::filesystem::directory_iterator each(folder, ignored), end; each != end; each.increment(ignored)) {
    const std::string name = each->path().filename().string();
    if (is_part_file(name) && is_chosen(name)) {
      std::filesystem::remove(each->path(), ignored);
    }
  }
  std::filesystem::remove(folder, ignored);  // only if it is empty
}

std::string in_words(std::uint64_t time_ns) {
  const auto now = static_cast<std::time_t>(time_ns / 1'000'000'000);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

template <class Row>
void write_rows(const Identifier& file, const char* path, const std::vector<Row>& rows) {
  const std::string what = std::string("writing the table '") + path + "'";
  const hsize_t count = rows.size();
  const Identifier type = row_type(rows.data());
  const Identifier space(H5Screate_simple(1, &count, nullptr), H5Sclose, what);
  const Identifier dataset(
      H5Dcreate2(file.get(), path, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose,
      what);
  check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), what);
}

template <class Row>
std::uint32_t checksum_of_rows(const std::vector<Row>& rows, std::uint32_t before) {
  return checksum(std::as_bytes(std::span(rows)), before);
}

std::uint32_t checksum_of(const MasterFile& master) {
  return checksum_of_rows(master.files, checksum_of_rows(master.parts, checksum_of_rows(master.origins, 0)));
}

// They take hdf5_mutex() themselves.
std::vector<PartReader> open_parts(const MasterFile& master) {
  std::vector<PartReader> parts;
  for (std::size_t part = 0; part < master.parts.size(); ++part) {
    const std::string path = master.parts_folder + '/' + part_file(master.facts.id, part);
    const std::string temporary = temporary_of(path);
    parts.emplace_back(identity_of(temporary) ? temporary : path, master.facts, master.parts[part]);
  }
  return parts;
}

std::vector<FileRow> shared_files_of(const std::vector<PartReader>& parts) {
  std::set<FileRow> files;
  for (const PartReader& part : parts) {
    files.insert(part.files().begin(), part.files().end());
  }
  return {files.begin(), files.end()};
}

template <class Use>
void for_named_datasets(const PartReader& part, Use use) {
  for (const ObjectRow& row : part.rows()) {
    if (part.is_whole(row) && row.path.bytes > 0 && row.name.bytes > 0) {
      use(row);
    }
  }
}

// More than the file with the links needs. HDF5 1.10 ends the process if it cannot write all of it.
std::uint64_t most_bytes(const std::vector<PartReader>& parts) {
  constexpr std::uint64_t without_links = 64 * 1024;
  constexpr std::uint64_t a_link = 512;  // with its target
  std::uint64_t bytes = without_links;
  for (const PartReader& part : parts) {
    for_named_datasets(part, [&](const ObjectRow& row) {
      bytes += a_link + most_bytes_of_path(dataset_path(part.name(row)));
    });
  }
  return bytes;
}

/// Of the datasets of all parts links in the checkpoint's own file: as if they were
/// in that.
class Links {
 public:
  Links(const Identifier& file, const std::vector<PartReader>& parts, std::uint64_t id,
        const std::string& folder)
      : file_(file),
        readers_(parts),
        id_(id),
        folder_(folder),
        properties_(link_properties("making links")) {}

  void make() {
    note_paths();
    for (std::size_t part = 0; part < readers_.size(); ++part) {
      const PartReader& reader = readers_[part];
      const std::string own = folder_ + '/' + part_file(id_, part);
      (void)link(own, own_group, std::string(own_group) + "/part" + std::to_string(part));
      for_named_datasets(reader, [&](const ObjectRow& row) {
        std::string here = dataset_path(reader.name(row));
        if (paths_.is_group(here)) {
          here += beside_a_group;
        }
        const FileRow* const shared = reader.shared_file(row);
        const std::string target = shared != nullptr ? folder_ + '/' + part_file(*shared) : own;
        if (link(target, std::string(reader.path(row)), here)) {
          note_array(reader, row, target);
        }
      });
    }
  }

  /// After make(): the arrays that XDMF can describe.
  [[nodiscard]] const std::vector<XdmfArray>& arrays() const noexcept { return arrays_; }

 private:
  void note_paths() {
    for (const PartReader& part : readers_) {
      for_named_datasets(part, [&](const ObjectRow& row) { paths_.add(dataset_path(part.name(row))); });
    }
    paths_.sort();
  }
  void note_array(const PartReader& part, const ObjectRow& row, const std::string& file) {
    ObjectFacts facts;
    facts.layout = static_cast<Layout>(row.layout);
    facts.type_name = part.type(row);
    facts.element_bytes = row.element_bytes;
    facts.size_bytes = row.size_bytes;
    facts.extents.rank = static_cast<std::uint8_t>(row.rank);
    std::copy_n(row.extents.begin(), row.rank, facts.extents.values.begin());
    if (is_plain_array(facts)) {
      const Extents extents = extents_of_dataset(facts);
      XdmfArray array{dataset_path(part.name(row)).substr(1),  // UTF-8, whatever the name is
                      file,
                      std::string(part.path(row)),
                      element_name(facts),
                      {extents.span().begin(), extents.span().end()}};
      if (is_for_xdmf(array)) {
        arrays_.push_back(std::move(array));
      }
    }
  }
  // Two nodes have a name if it was replaced while they wrote: then the first link stays.
  [[nodiscard]] bool link(const std::string& target, const std::string& path, const std::string& here) {
    if (!linked_.insert(here).second) {
      return false;
    }
    check(H5Lcreate_external(target.c_str(), path.c_str(), file_.get(), here.c_str(), properties_.get(),
                             H5P_DEFAULT),
          "linking '" + here + "'");
    return true;
  }

  const Identifier& file_;
  const std::vector<PartReader>& readers_;
  const std::uint64_t id_;
  const std::string folder_;
  Identifier properties_;
  DatasetPaths paths_;
  std::unordered_set<std::string> linked_;
  std::vector<XdmfArray> arrays_;
};

}  // namespace

MasterWriter::MasterWriter(const std::string& path, MasterFile written)
    : master_(std::move(written)), file_(path) {
  const MasterFile& master = master_;
  if (master.xdmf && xdmf_file(path) == path) {
    throw Error(Errc::invalid_argument,
                "the checkpoint '" + path +
                    "' has the name that the file for XDMF would have; let it end with "
                    "'.h5'");
  }
  const std::vector<PartReader> parts = open_parts(master);
  master_.files = shared_files_of(parts);
  const Hdf5Turn turn;
  file_.try_room(most_bytes(parts));
  const std::string what = "making the file '" + file_.temporary() + "'";
  Identifier file = create_unlocked(file_.temporary());
  {
    const Identifier group(H5Gcreate2(file.get(), own_group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                           what);
    const std::string folder = file_name_of(parts_folder(path));
    set_attribute(group, "format", master.files.empty() ? whole_format : incremental_format);
    set_attribute(group, "id", master.facts.id);
    set_attribute(group, "parts", master.parts.size());
    set_attribute(group, "parts_folder", folder);
    set_attribute(group, "store", master.store);
    set_attribute(group, "time", in_words(master.time_ns));
    set_attribute(group, "time_ns", master.time_ns);
    set_attribute(group, "rolling", master.rolling ? 1 : 0);
    set_attribute(group, "xdmf", master.xdmf ? 1 : 0);
    set_attribute(group, "timeout_ms", static_cast<std::uint64_t>(master.store_options.timeout.count()));
    set_attribute(group, "keep_decoded", master.store_options.keep_decoded ? 1 : 0);
    set_attribute(group, "checksum", master.store_options.checksum ? 1 : 0);
    set_attribute(group, "rows_checksum", checksum_of(master));
    write_rows(file, origins_path, master.origins);
    write_rows(file, parts_path, master.parts);
    if (!master.files.empty()) {
      write_rows(file, files_path, master.files);
    }
    Links links(file, parts, master.facts.id, folder);
    links.make();
    if (master.xdmf) {
      const std::string text = xdmf_text(links.arrays());
      xdmf_.emplace(xdmf_file(path));
      xdmf_->try_room(text.size());
      xdmf_->open();
      xdmf_->write_at(0, std::as_bytes(std::span(text)));
    }
  }
  check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), what);
  file.close(what);
}

// The description comes last: what it describes is there.
void MasterWriter::publish() {
  file_.publish();
  if (xdmf_) {
    xdmf_->publish();
  }
}

Identifier open_hdf5(const std::string& path) {
  const std::string what = "opening the file '" + path + "'";
  struct stat on_disk {};
  if (::stat(path.c_str(), &on_disk) != 0) {
    throw errno == ENOENT ? Error(Errc::not_found, "there is no checkpoint '" + path + "'")
                          : file_error("opening", path, errno);
  }
  // Who opens a pipe waits for its writer.
  const htri_t is_hdf5 = S_ISREG(on_disk.st_mode) ? H5Fis_hdf5(path.c_str()) : 0;
  if (is_hdf5 == 0) {
    throw Error(Errc::corrupt, "'" + path + "' is no HDF5 file, so no checkpoint");
  }
  check(is_hdf5, what);
  return open_to_read(path, what);
}

CheckpointFacts read_facts(const Identifier& file, const std::string& path) {
  if (H5Lexists(file.get(), own_group, H5P_DEFAULT) <= 0) {
    throw Error(Errc::corrupt,
                "'" + path + "' was written by another program: it is no checkpoint of this library");
  }
  const Identifier group(H5Gopen2(file.get(), own_group, H5P_DEFAULT), H5Gclose, "opening '" + path + "'");
  const std::uint64_t format = attribute(group, "format");
  if (format < whole_format || format > incremental_format) {
    throw unknown_format(path, format, incremental_format);
  }
  return {.id = attribute(group, "id"), .parts = attribute(group, "parts")};
}

MasterFile read_master(const std::string& path) {
  const Hdf5Turn turn;
  const Identifier file = open_hdf5(path);
  MasterFile master;
  master.facts = read_facts(file, path);
  const Identifier group(H5Gopen2(file.get(), own_group, H5P_DEFAULT), H5Gclose, "opening '" + path + "'");
  master.store_options.timeout =
      std::chrono::milliseconds(std::min<std::uint64_t>(attribute(group, "timeout_ms"), 1U << 30U));
  master.store_options.keep_decoded = attribute(group, "keep_decoded") != 0;
  master.store_options.checksum = attribute(group, "checksum") != 0;
  master.store = optional_text(group, "store");
  // Not in files of the first version.
  master.time_ns = attribute_or(group, "time_ns", 0);
  master.rolling = attribute_or(group, "rolling", 0) != 0;
  master.xdmf = attribute_or(group, "xdmf", 0) != 0;
  read_rows(file, path, origins_path, master.origins);
  read_rows(file, path, parts_path, master.parts);
  if (H5Lexists(file.get(), files_path, H5P_DEFAULT) > 0) {
    read_rows(file, path, files_path, master.files);
  }
  if (master.parts.size() != master.facts.parts || master.parts.size() > most_parts ||
      master.origins.empty() || checksum_of(master) != attribute(group, "rows_checksum")) {
    throw file_damaged(path, "its tables are not those that were written");
  }
  master.parts_folder = folder_of(resolved_path(path)) + '/' + file_name_attribute(group, "parts_folder");
  return master;
}

std::uint64_t time_of_checkpoint(const std::string& path) noexcept {
  try {
    const Hdf5Turn turn;
    const Identifier file = open_hdf5(path);
    const Identifier group(H5Gopen2(file.get(), own_group, H5P_DEFAULT), H5Gclose, "opening a checkpoint");
    return attribute_or(group, "time_ns", 0);
  } catch (const std::exception&) {
    return 0;
  }
}

PartReader open_part(const MasterFile& master, std::size_t part) {
  return {master.parts_folder + '/' + part_file(master.facts.id, part), master.facts, master.parts[part]};
}

PartReader open_part(const MasterFile& master, std::size_t part, std::span<const std::byte> packed) {
  return {master.parts_folder + '/' + part_file(master.facts.id, part), master.facts, master.parts[part],
          packed};
}

std::vector<std::string> part_names(const MasterFile& master) {
  std::vector<std::string> names;
  for (std::uint64_t part = 0; part < master.parts.size(); ++part) {
    names.push_back(part_file(master.facts.id, part));
  }
  for (const FileRow& file : master.files) {
    names.push_back(part_file(file));
  }
  std::ranges::sort(names);
  return names;
}

void remove_other_parts(const std::string& path, const std::vector<std::string>& sorted) noexcept {
  remove_parts(path, [&](const std::string& name) { return !std::ranges::binary_search(sorted, name); });
}

void remove_unfinished_parts(const std::string& path, const std::vector<std::string>& sorted) noexcept {
  remove_parts(path, [&](const std::string& name) {
    return name.ends_with(".tmp") || std::ranges::binary_search(sorted, name);
  });
}

}  // namespace locum::storage
