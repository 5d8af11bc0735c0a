#include "transport/storage/zarr/codec_list.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/zarr/metadata_member.hpp"

namespace locum::storage {

namespace {

/// Each chunk passes all of them: a bound for lists that are made to do harm.
constexpr std::size_t most_codecs = 32;

constexpr std::string_view transpose_codec = "transpose";
constexpr std::string_view array_codec = "bytes";
constexpr std::string_view sharding_codec = "sharding_indexed";

/// Reads the members of `codecs`, one after the other.
class CodecListReader {
 public:
  CodecListReader(std::size_t rank, std::size_t element_bytes) : rank_(rank), element_bytes_(element_bytes) {}

  Result<void> take(const Record& described, const std::string& member) {
    const auto codec = zarr_extension_of(described, member);
    if (!codec) {
      return codec.error();
    }
    if (codec->name == transpose_codec) {
      return take_transpose(codec->configuration, member);
    }
    if (codec->name == array_codec) {
      return take_array_codec(codec->configuration, member);
    }
    if (codec->name == sharding_codec) {
      return take_sharding(codec->configuration, member);
    }
    if (codec->name == "endian") {
      return unsupported_zarr_member(member,
                                     "is the codec 'endian' of drafts of version 3; it is called 'bytes' "
                                     "since: store the array again with a program of today");
    }
    return take_bytes_codec(*codec, member);
  }
  Result<CodecList> finish(std::string_view member) {
    if (!is_bytes_) {
      return wrong_zarr_member(member, "has neither the codec 'bytes' nor 'sharding_indexed'");
    }
    std::vector<std::size_t>& order = list_.coding.order;
    if (std::ranges::is_sorted(order)) {
      order.clear();
    }
    return std::move(list_);
  }

 private:
  Result<void> take_transpose(const Record& configuration, const std::string& member);
  Result<void> take_array_codec(const Record& configuration, const std::string& member);
  Result<void> take_sharding(const Record& configuration, const std::string& member);
  Result<void> take_bytes_codec(const ZarrExtension& codec, const std::string& member);
  [[nodiscard]] Result<void> must_be_array(std::string_view name, const std::string& member) const {
    if (is_bytes_) {
      return wrong_zarr_member(member,
                               "is the codec " + quoted_name(name) +
                                   " behind one that made bytes of the elements; it has to be before it");
    }
    return {};
  }

  std::size_t rank_;
  std::size_t element_bytes_;
  bool is_bytes_ = false;
  CodecList list_;
};

Result<void> CodecListReader::take_transpose(const Record& configuration, const std::string& member) {
  constexpr std::array<std::string_view, 1> known{"order"};
  if (auto right = must_be_array(transpose_codec, member); !right) {
    return right;
  }
  if (auto checked = check_zarr_members(configuration, known, member + "/configuration"); !checked) {
    return checked;
  }
  const Record& order = configuration["order"];
  const std::string place = member + "/configuration/order";
  if (order.kind() == Record::Kind::text) {
    return unsupported_zarr_member(place,
                                   "is the text " + quoted_name(order.text()) +
                                       ", as in drafts of version 3; it has to be a list of dimensions");
  }
  std::vector<std::size_t> next;
  std::vector<bool> is_seen(rank_, false);
  for (const Record& dimension : order.list()) {
    const auto index = dimension.as<std::size_t>();
    if (!index || *index >= rank_ || is_seen[*index]) {
      break;
    }
    is_seen[*index] = true;
    const std::vector<std::size_t>& before = list_.coding.order;
    next.push_back(before.empty() ? *index : before[*index]);
  }
  if (order.kind() != Record::Kind::list || order.size() != rank_ || next.size() != rank_) {
    return wrong_zarr_member(place, "is no list that has each of the dimensions from 0 to the last one once");
  }
  list_.coding.order = std::move(next);
  return {};
}

Result<void> CodecListReader::take_array_codec(const Record& configuration, const std::string& member) {
  constexpr std::array<std::string_view, 1> known{"endian"};
  if (auto right = must_be_array(array_codec, member); !right) {
    return right;
  }
  if (auto checked = check_zarr_members(configuration, known, member + "/configuration"); !checked) {
    return checked;
  }
  const Record& endian = configuration["endian"];
  const bool is_known = endian.text() == "little" || endian.text() == "big";
  if (!is_known && !(endian.is_null() && element_bytes_ == 1)) {
    return wrong_zarr_member(member + "/configuration/endian", "is neither \"little\" nor \"big\"");
  }
  list_.coding.is_big_endian = element_bytes_ > 1 && endian.text() == "big";
  is_bytes_ = true;
  return {};
}

Result<void> CodecListReader::take_sharding(const Record& configuration, const std::string& member) {
  if (auto right = must_be_array(sharding_codec, member); !right) {
    return right;
  }
  if (!list_.coding.order.empty() && !std::ranges::is_sorted(list_.coding.order)) {
    return unsupported_zarr_member(member,
                                   "is the codec 'sharding_indexed' behind 'transpose', which this version "
                                   "cannot read; store the array with 'transpose' in the chunks of shards");
  }
  list_.sharding = configuration;
  list_.sharding_member = member + "/configuration";
  is_bytes_ = true;
  return {};
}

Result<void> CodecListReader::take_bytes_codec(const ZarrExtension& codec, const std::string& member) {
  const Record described =
      Record::members({{"name", Record(codec.name)}, {"configuration", codec.configuration}});
  auto made = bytes_codec_of_v3(described, element_bytes_);
  if (!made) {
    return codec_error_at(member, made.error());
  }
  if (!is_bytes_) {
    return wrong_zarr_member(member, "is the codec " + quoted_name(codec.name) +
                                         ", which takes bytes; the codec 'bytes' has to be before it");
  }
  if (list_.sharding) {
    return unsupported_zarr_member(member,
                                   "is the codec " + quoted_name(codec.name) +
                                       " for whole shards, in which no chunk can be found then; store the "
                                       "array with this codec in the chunks of shards");
  }
  list_.coding.codecs.push_back(std::move(*made));
  return {};
}

}  // namespace

Error codec_error_at(std::string_view member, const Error& error) {
  const Errc code = error.code() == Errc::invalid_argument ? Errc::corrupt : error.code();
  return Error(code, "member " + quoted_name(member) + ": " + error.text(), error.detail());
}

Result<CodecList> read_codec_list(const Record& list, std::string_view member, std::size_t rank,
                                  std::size_t element_bytes) {
  if (list.kind() != Record::Kind::list) {
    return wrong_zarr_member(member, "is no list");
  }
  if (list.size() > most_codecs) {
    return unsupported_zarr_member(member, "has " + std::to_string(list.size()) + " codecs; at most " +
                                               std::to_string(most_codecs) + " can be read");
  }
  CodecListReader reader(rank, element_bytes);
  for (std::size_t at = 0; at < list.size(); ++at) {
    if (auto taken = reader.take(list[at], std::string(member) + "/" + std::to_string(at)); !taken) {
      return taken.error();
    }
  }
  return reader.finish(member);
}

Result<Record> write_codec_list(const ChunkCoding& coding, std::size_t element_bytes) {
  Record::List list;
  if (!coding.order.empty()) {
    Record::List order;
    for (const std::size_t dimension : coding.order) {
      order.emplace_back(dimension);
    }
    list.push_back(
        zarr_extension_record(transpose_codec, Record::members({{"order", Record::list(std::move(order))}})));
  }
  const Record endian = Record::members({{"endian", Record(coding.is_big_endian ? "big" : "little")}});
  list.push_back(zarr_extension_record(array_codec, element_bytes > 1 ? endian : Record::members({})));
  for (const auto& codec : coding.codecs) {
    auto described = codec->described(3);
    if (!described) {
      return described.error();
    }
    list.push_back(std::move(*described));
  }
  return Record::list(std::move(list));
}

}  // namespace locum::storage
