#include "transport/storage/formats/h5/h5_save.hpp"

#include <algorithm>
#include <complex>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/storage/formats/h5/h5_attributes.hpp"
#include "transport/storage/formats/h5/h5_content.hpp"
#include "transport/storage/formats/h5/h5_output.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/hdf5/chunking.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t h5_chunk_bytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t h5_written_in_turn = std::uint64_t{16} << 20U;

Error h5_save_error(const std::string& path, const Error& error) {
  return Error(error.code(), "in " + quoted_name(path) + ": " + error.text(), error.detail());
}

void require_h5_name(const std::string& name) {
  if (name.empty() || name == "." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos || !is_utf8(name)) {
    throw Error(Errc::type_mismatch,
                "HDF5 has no member of the name " + quoted_name(name) +
                    ": it may not be empty, a dot, or contain '/' or a byte 0, and is UTF-8; rename it");
  }
}

class H5Saver {
 public:
  H5Saver(FileDraft& draft, const H5Options& options)
      : options_(options), output_(draft), file_(output_, H5File::Mode::create) {}

  void operator()(const Record& value) {
    if (value.kind() == Record::Kind::members) {
      save_members(value, {});
    } else {
      save_alone(value);
    }
    file_.close();
    if (output_.failure()) {
      throw *output_.failure();
    }
  }

 private:
  void save_alone(const Record& value) {
    std::string_view rest = options_.dataset;
    rest.remove_prefix(rest.starts_with('/') ? 1 : 0);
    std::string path;
    for (;;) {
      const std::size_t slash = rest.find('/');
      const std::string name(rest.substr(0, slash));
      require_h5_name(name);
      path += '/' + name;
      if (slash == std::string_view::npos) {
        return save_value(value, path);
      }
      make_group(path);
      rest.remove_prefix(slash + 1);
    }
  }

  void save_members(const Record& value, const std::string& path) {
    for (const auto& [name, member] : value.members()) {
      if (options_.with_attributes && name == h5_attributes_member) {
        continue;
      }
      require_h5_name(name);
      const std::string own = std::string(path).append("/").append(name);
      if (member.kind() == Record::Kind::members) {
        make_group(own);
        save_members(member, own);
      } else {
        save_value(member, own);
      }
      if (output_.failure()) {
        throw *output_.failure();
      }
    }
    if (options_.with_attributes) {
      output_.keep_elements(
          true);  // of large attributes, too: HDF5 reads them again when it adds another one
      save_attributes(value[h5_attributes_member], path);
      output_.keep_elements(false);
    }
  }

  void make_group(const std::string& path) {
    const Hdf5Turn turn;
    const std::string what = "making the group '" + path + "'";
    const Identifier links = link_properties(what);
    const Identifier creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, what);
    check(H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED), what);
    check(H5Pset_obj_track_times(creation.get(), false), what);
    const Identifier group(
        H5Gcreate2(file_.id().get(), path.c_str(), links.get(), creation.get(), H5P_DEFAULT), H5Gclose, what);
  }

  void save_value(const Record& value, const std::string& path) {
    try {
      const H5Content content = H5Content::of(value);
      if (content.is_texts()) {
        save_texts(content, path);
      } else {
        save_elements(content, path);
      }
    } catch (const Error& error) {
      throw h5_save_error(path, error);
    }
  }

  [[nodiscard]] static Identifier creation_of_dataset(const std::string& what) {
    Identifier creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what);
    check(H5Pset_obj_track_times(creation.get(), false), what);
    return creation;
  }

  void save_texts(const H5Content& content, const std::string& path) {
    const std::string what = "writing texts";
    const Hdf5Turn turn;
    const Identifier type = content.type();
    const Identifier dataset =
        make_dataset(file_.id(), path, type, content.extents(), creation_of_dataset(what), what);
    if (!content.texts().empty()) {
      output_.keep_elements(true);  // before it writes a text, HDF5 reads what it would replace
      const herr_t status =
          H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.texts().data());
      output_.keep_elements(false);
      check(status, what);
    }
  }

  void save_elements(const H5Content& content, const std::string& path) {
    const std::span<const std::byte> bytes = content.bytes();
    const bool is_chunked = (options_.compression > 0 || !options_.chunks.empty()) &&
                            !content.extents().empty() && !bytes.empty();
    if (is_chunked) {
      return save_chunks(content, path);
    }
    std::uint64_t offset = 0;
    {
      const std::string what = "making a dataset";
      const Hdf5Turn turn;
      const Identifier creation = creation_of_dataset(what);
      check(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), what);
      check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), what);
      check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), what);
      if (content.is_null()) {
        const Identifier space(H5Screate(H5S_NULL), H5Sclose, what);
        const Identifier links = link_properties(what);
        const Identifier dataset(H5Dcreate2(file_.id().get(), path.c_str(), content.type().get(), space.get(),
                                            links.get(), creation_of_dataset(what).get(), H5P_DEFAULT),
                                 H5Dclose, what);
        return;
      }
      const Identifier dataset =
          make_dataset(file_.id(), path, content.type(), content.extents(), creation, what);
      if (bytes.empty()) {
        return;
      }
      offset = H5Dget_offset(dataset.get());
      if (offset == HADDR_UNDEF) {
        throw Error(Errc::system, "HDF5 gave a dataset no place in the file");
      }
    }
    output_.put(offset, bytes);
  }

  // Whole chunks in each turn: HDF5 reads none of them again.
  void save_chunks(const H5Content& content, const std::string& path) {
    const std::string what = "writing a dataset in chunks";
    const std::vector<hsize_t> extents(content.extents().begin(), content.extents().end());
    hsize_t chunk_rows = 1;
    {
      const Hdf5Turn turn;
      const Identifier creation = creation_of_dataset(what);
      const Identifier type = content.type();
      set_chunks(creation, extents, type);
      std::vector<hsize_t> chunk(extents.size());
      check(H5Pget_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), what);
      chunk_rows = chunk[0];
      const Identifier dataset = make_dataset(file_.id(), path, type, content.extents(), creation, what);
    }
    const std::uint64_t row_bytes = content.bytes().size() / extents[0];
    const std::uint64_t rows_of_turn =
        std::max<std::uint64_t>(h5_written_in_turn / row_bytes / chunk_rows, 1) * chunk_rows;
    for (std::uint64_t row = 0; row < extents[0]; row += rows_of_turn) {
      const Hdf5Turn turn;
      const Identifier dataset(H5Dopen2(file_.id().get(), path.c_str(), H5P_DEFAULT), H5Dclose, what);
      const Identifier type = content.type();
      const Identifier space(H5Dget_space(dataset.get()), H5Sclose, what);
      std::vector<hsize_t> start(extents.size(), 0);
      std::vector<hsize_t> count = extents;
      start[0] = row;
      count[0] = std::min<hsize_t>(rows_of_turn, extents[0] - row);
      check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
            what);
      const Identifier memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr),
                              H5Sclose, what);
      check(H5Dwrite(dataset.get(), type.get(), memory.get(), space.get(), H5P_DEFAULT,
                     content.bytes().data() + row * row_bytes),
            what);
    }
  }

  void set_chunks(const Identifier& creation, const std::vector<hsize_t>& extents,
                  const Identifier& type) const {
    const std::string what = "choosing the chunks of a dataset";
    if (options_.compression > 0 && H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0) {
      throw Error(Errc::unsupported, "this HDF5 was built without deflate; save without compression");
    }
    if (options_.chunks.size() != extents.size()) {
      Chunking chunking;
      chunking.chunk_bytes = h5_chunk_bytes;
      if (options_.compression > 0) {
        chunking.filter = H5Z_FILTER_DEFLATE;
        chunking.values = {options_.compression};
      }
      return chunking.set(creation, extents, type);
    }
    std::vector<hsize_t> chunk(options_.chunks.begin(), options_.chunks.end());
    std::uint64_t bytes = H5Tget_size(type.get());
    for (std::size_t at = 0; at < chunk.size(); ++at) {
      chunk[at] = std::min(chunk[at], extents[at]);
      bytes *= chunk[at];  // at most those of the array
    }
    if (bytes > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(Errc::invalid_argument, "chunks of 4 GiB and more are not in HDF5; make them smaller");
    }
    check(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()), what);
    if (options_.compression > 0) {
      check(H5Pset_shuffle(creation.get()), what);
      check(H5Pset_deflate(creation.get(), options_.compression), what);
    }
  }

  void save_attributes(const Record& objects, const std::string& path) {
    if (!objects.is_null() && objects.kind() != Record::Kind::members) {
      throw h5_save_error(path, Error(Errc::type_mismatch,
                                      "the member '@attributes' has to have members: the "
                                      "attributes of each member, and of '.' itself"));
    }
    for (const auto& [name, attributes] : objects.members()) {
      const std::string of = name != h5_own_attributes ? std::string(path).append("/").append(name)
                             : path.empty()            ? std::string("/")
                                                       : path;
      try {
        save_attributes_of(of, attributes);
      } catch (const Error& error) {
        throw h5_save_error(of, error);
      }
    }
  }

  void save_attributes_of(const std::string& path, const Record& attributes) {
    if (attributes.kind() != Record::Kind::members) {
      throw Error(Errc::type_mismatch, "attributes are members: values under names");
    }
    const std::string what = "writing an attribute";
    const Hdf5Turn turn;
    if (path != "/" && H5Lexists(file_.id().get(), path.c_str(), H5P_DEFAULT) <= 0) {
      throw Error(Errc::type_mismatch, "there is no such member, which has attributes");
    }
    const Identifier object(H5Oopen(file_.id().get(), path.c_str(), H5P_DEFAULT), H5Oclose, what);
    for (const auto& [name, value] : attributes.members()) {
      if (name.empty() || name.find('\0') != std::string::npos || !is_utf8(name)) {
        throw Error(Errc::type_mismatch,
                    "HDF5 has no attribute of the name " + quoted_name(name) + "; rename it");
      }
      const H5Content content = H5Content::of(value);
      if (content.is_texts() && content.texts().size() > h5_most_attribute_texts) {
        throw Error(Errc::type_mismatch, "its attribute " + quoted_name(name) + " has " +
                                             std::to_string(content.texts().size()) + " texts, and at most " +
                                             std::to_string(h5_most_attribute_texts) +
                                             " are loaded of one; save them as a member");
      }
      const std::vector<hsize_t> extents(content.extents().begin(), content.extents().end());
      const Identifier space(
          content.is_null() ? H5Screate(H5S_NULL)
                            : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
          H5Sclose, what);
      const Identifier creation(H5Pcreate(H5P_ATTRIBUTE_CREATE), H5Pclose, what);
      check(H5Pset_char_encoding(creation.get(), H5T_CSET_UTF8), what);
      const Identifier type = content.type();
      const Identifier attribute(
          H5Acreate2(object.get(), name.c_str(), type.get(), space.get(), creation.get(), H5P_DEFAULT),
          H5Aclose, what);
      const bool has_elements = content.is_texts() ? !content.texts().empty() : !content.bytes().empty();
      if (has_elements) {
        const void* const from =
            content.is_texts() ? static_cast<const void*>(content.texts().data()) : content.bytes().data();
        check(H5Awrite(attribute.get(), type.get(), from), what);
      }
    }
  }

  const H5Options& options_;
  H5Output output_;
  H5File file_;
};

}  // namespace

void save_h5(const Record& value, FileDraft& draft, const H5Options& options) {
  H5Saver saver(draft, options);
  saver(value);
}

}  // namespace locum::storage
