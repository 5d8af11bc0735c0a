#include "transport/storage/hdf5/xdmf.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace locum::storage {

namespace {

struct NumberKind {
  std::string_view element;
  std::string_view kind;
  char bytes;
};

constexpr std::array<NumberKind, 10> number_kinds{{{"i8", "Char", '1'},
                                                   {"u8", "UChar", '1'},
                                                   {"i16", "Int", '2'},
                                                   {"u16", "UInt", '2'},
                                                   {"i32", "Int", '4'},
                                                   {"u32", "UInt", '4'},
                                                   {"i64", "Int", '8'},
                                                   {"u64", "UInt", '8'},
                                                   {"f32", "Float", '4'},
                                                   {"f64", "Float", '8'}}};

const NumberKind* kind_of(std::string_view element) {
  const auto* const found = std::ranges::find(number_kinds, element, &NumberKind::element);
  return found == number_kinds.end() ? nullptr : found;
}

// REQUIRES: no control characters, which XML cannot hold.
std::string escaped(std::string_view text) {
  std::string all;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        all += "&amp;";
        break;
      case '<':
        all += "&lt;";
        break;
      case '>':
        all += "&gt;";
        break;
      case '"':
        all += "&quot;";
        break;
      default:
        all += letter;
    }
  }
  return all;
}

std::string joined(const std::vector<std::uint64_t>& extents) {
  std::string text;
  for (const std::uint64_t extent : extents) {
    text += (text.empty() ? "" : " ") + std::to_string(extent);
  }
  return text;
}

}  // namespace

// A reader takes what is behind the first colon for the path, and drops spaces at the ends.
bool is_for_xdmf(const XdmfArray& array) {
  const auto is_odd = [](char letter) {
    return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7F || letter == ':';
  };
  return kind_of(array.element) != nullptr && (array.extents.size() == 2 || array.extents.size() == 3) &&
         std::ranges::find(array.extents, 0U) == array.extents.end() &&
         std::ranges::none_of(array.file + array.path + array.name, is_odd) && !array.path.ends_with(' ');
}

// The datasets themselves, in the files of the nodes: not all readers follow the links of the named file. A
// grid has as many dimensions as its dataset: some readers take no other.
std::string xdmf_text(const std::vector<XdmfArray>& arrays) {
  std::string text = "<?xml version=\"1.0\"?>\n<Xdmf Version=\"2.0\">\n<Domain>\n";
  for (const XdmfArray& array : arrays) {
    const NumberKind& number = *kind_of(array.element);
    const bool is_flat = array.extents.size() == 2;
    const std::string name = escaped(array.name);
    const std::string dimensions = joined(array.extents);
    text += "<Grid Name=\"" + name + "\" GridType=\"Uniform\">\n";
    text += std::string("<Topology TopologyType=\"") + (is_flat ? '2' : '3') + "DCoRectMesh\" Dimensions=\"" +
            dimensions + "\"/>\n";
    text += std::string("<Geometry GeometryType=\"") + (is_flat ? "ORIGIN_DXDY" : "ORIGIN_DXDYDZ") + "\">\n";
    for (const std::string_view point : {"0 0 0", "1 1 1"}) {
      text += std::string("<DataItem Dimensions=\"") + (is_flat ? '2' : '3') +
              "\" NumberType=\"Float\" Precision=\"8\" Format=\"XML\">" +
              std::string(point.substr(0, is_flat ? 3 : 5)) + "</DataItem>\n";
    }
    text += "</Geometry>\n<Attribute Name=\"" + name + "\" AttributeType=\"Scalar\" Center=\"Node\">\n";
    text += "<DataItem Dimensions=\"" + dimensions + "\" NumberType=\"" + std::string(number.kind) +
            "\" Precision=\"" + number.bytes + "\" Format=\"HDF\">" + escaped(array.file) + ':' +
            escaped(array.path) + "</DataItem>\n</Attribute>\n</Grid>\n";
  }
  return text + "</Domain>\n</Xdmf>\n";
}

std::string xdmf_file(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  const bool is_number =  // of a step: run.0041 and run.0042 have descriptions of their own
      extension.size() > 1 && extension.find_first_not_of("0123456789", 1) == std::string::npos;
  return is_number ? path + ".xdmf" : std::filesystem::path(path).replace_extension(".xdmf").string();
}

}  // namespace locum::storage
