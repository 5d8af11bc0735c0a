#include "transport/storage/formats/torch/torch_content.hpp"

#include <algorithm>
#include <bit>
#include <complex>
#include <string_view>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/formats/torch/pickle_codes.hpp"
#include "transport/storage/formats/torch/torch_names.hpp"
#include "transport/storage/zip/zip_writer.hpp"

namespace locum::storage {

namespace {

constexpr std::uint32_t torch_saved_levels = 256;  // as many as are loaded
constexpr std::size_t torch_saved_pickle = std::size_t{64} << 20U;

Error not_of_torch(std::string reason) {
  return Error(Errc::type_mismatch, "a checkpoint of torch does not hold " + std::move(reason));
}

}  // namespace

Result<TorchContent> TorchContent::of(const Record& value) {
  TorchContent content;
  if (auto added = content.add(value, 0); !added) {
    return added.error();
  }
  content.pickle_ = std::move(content.writer_).finish();
  return content;
}

Result<void> TorchContent::add(const Record& value, std::uint32_t depth) {
  if (depth > torch_saved_levels) {
    return not_of_torch("values that are nested more than 256 levels deep; save plainer ones");
  }
  if (writer_.size() > torch_saved_pickle) {
    return not_of_torch("more than 64 MiB of plain values; make arrays of lists of numbers");
  }
  switch (value.kind()) {
    case Record::Kind::null:
      writer_.none();
      return {};
    case Record::Kind::boolean:
      writer_.boolean(value.as<bool>().value_or(false));
      return {};
    case Record::Kind::integer:
      if (const auto integer = value.as<std::int64_t>(); integer) {
        writer_.integer(*integer);
      } else {
        writer_.natural(value.as<std::uint64_t>().value_or(0U));
      }
      return {};
    case Record::Kind::real:
      writer_.real(value.as<double>().value_or(0.0));
      return {};
    case Record::Kind::complex: {
      const auto number = value.as<std::complex<double>>().value_or(std::complex<double>());
      writer_.global("__builtin__", "complex");
      writer_.real(number.real());
      writer_.real(number.imag());
      writer_.instruction(pickle::tuple2);
      writer_.instruction(pickle::reduce);
      return {};
    }
    case Record::Kind::text:
      if (value.text().size() > torch_saved_pickle || !is_utf8(value.text())) {
        return not_of_torch("texts that are not UTF-8, or longer than 64 MiB; save bytes as an array of u8");
      }
      writer_.text(value.text());
      return {};
    case Record::Kind::bytes:
      return add_bytes(value.as<Record::Bytes>().value_or(Record::Bytes()));
    case Record::Kind::array:
      return add_array(value.array());
    case Record::Kind::list:
      return add_list(value, depth);
    case Record::Kind::members:
      return add_members(value, depth);
    case Record::Kind::stand_in:
      break;
  }
  return not_of_torch("stand-ins for objects elsewhere; get the objects first");
}

Result<void> TorchContent::add_bytes(const Record::Bytes& bytes) {
  if (bytes.size() > torch_saved_pickle) {
    return not_of_torch("more than 64 MiB of bytes in a value; save them as an array of u8");
  }
  writer_.global("_codecs", "encode");
  writer_.text(utf8_of_latin1({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  writer_.text("latin1");
  writer_.instruction(pickle::tuple2);
  writer_.instruction(pickle::reduce);
  return {};
}

Result<void> TorchContent::add_list(const Record& list, std::uint32_t depth) {
  writer_.instruction(pickle::empty_list);
  writer_.instruction(pickle::mark);
  for (const Record& one : list.list()) {
    if (auto added = add(one, depth + 1); !added) {
      return added;
    }
  }
  writer_.instruction(pickle::appends);
  return {};
}

Result<void> TorchContent::add_members(const Record& members, std::uint32_t depth) {
  writer_.instruction(pickle::empty_dict);
  writer_.instruction(pickle::mark);
  for (const auto& [name, one] : members.members()) {
    if (!is_utf8(name)) {
      return not_of_torch("names that are not UTF-8: " + quoted_name(name));
    }
    writer_.text(name);
    if (auto added = add(one, depth + 1); !added) {
      return added;
    }
  }
  writer_.instruction(pickle::set_items);
  return {};
}

std::size_t TorchContent::storage_of(const Array& array) {
  if (array.size() == 0) {
    storages_.push_back(array);
    return storages_.size() - 1;
  }
  const auto [known, is_new] =
      known_.try_emplace({array.data(), array.size_bytes(), array.element().name()}, storages_.size());
  if (is_new) {
    storages_.push_back(array);
  }
  return known->second;
}

Result<void> TorchContent::add_array(const Array& array) {
  const std::string_view storage = torch_storage_of(array.element());
  if (storage.empty()) {
    return not_of_torch("elements of the type '" + array.element().name() +
                        "'; convert them to one of f32, f64, c64, c128, i8, i16, i32, i64, u8, bool");
  }
  const auto packed = array.packed();
  if (!packed) {
    return packed.error();
  }
  const std::size_t number = storage_of(*packed);
  writer_.global("torch._utils", "_rebuild_tensor_v2");
  writer_.instruction(pickle::mark);
  writer_.instruction(pickle::mark);
  writer_.text("storage");
  writer_.global("torch", storage);
  writer_.text(std::to_string(number));
  writer_.text("cpu");
  writer_.natural(array.size());
  writer_.instruction(pickle::tuple);
  writer_.instruction(pickle::bin_persid);
  writer_.natural(0);  // offset
  writer_.instruction(pickle::mark);
  for (const std::uint64_t extent : array.extents().span()) {
    writer_.natural(extent);
  }
  writer_.instruction(pickle::tuple);
  writer_.instruction(pickle::mark);
  for (std::size_t at = 0; at < array.extents().size(); ++at) {
    std::uint64_t stride = 1;
    for (std::size_t inner = at + 1; inner < array.extents().size(); ++inner) {
      stride *= std::max<std::uint64_t>(array.extents()[inner], 1);
    }
    writer_.natural(stride);
  }
  writer_.instruction(pickle::tuple);
  writer_.boolean(false);  // no gradient is wanted
  writer_.global("collections", "OrderedDict");
  writer_.instruction(pickle::empty_tuple);
  writer_.instruction(pickle::reduce);
  writer_.instruction(pickle::tuple);
  writer_.instruction(pickle::reduce);
  return {};
}

Result<void> TorchContent::write(FileDraft& file) const {
  ZipWriter zip(file, 0);
  const auto write_member = [&zip](const std::string& name,
                                   std::span<const std::byte> bytes) -> Result<void> {
    if (auto begun = zip.begin("archive/" + name, bytes.size()); !begun) {
      return begun;
    }
    if (auto written = zip.write(bytes); !written) {
      return written;
    }
    return zip.end();
  };
  constexpr std::string_view order = std::endian::native == std::endian::little ? "little" : "big";
  constexpr std::string_view version = "3\n";
  if (auto written = write_member("data.pkl", std::as_bytes(std::span(pickle_))); !written) {
    return written;
  }
  if (auto written = write_member("byteorder", std::as_bytes(std::span(order))); !written) {
    return written;
  }
  for (std::size_t at = 0; at < storages_.size(); ++at) {
    if (auto written = write_member("data/" + std::to_string(at), storages_[at].bytes()); !written) {
      return written;
    }
  }
  if (auto written = write_member("version", std::as_bytes(std::span(version))); !written) {
    return written;
  }
  return zip.finish();
}

}  // namespace locum::storage
