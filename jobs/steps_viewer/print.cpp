#include "jobs/steps_viewer/print.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace steps_viewer {
namespace {

constexpr std::size_t gap = 2;  ///< between columns
constexpr const char* ellipsis = "…";
constexpr std::size_t shown_rows = 16;
constexpr std::size_t shown_planes = 4;

/// The numbers below `count`, or the first and last of them with a gap, which is none, in between.
std::vector<std::optional<std::size_t>> places(std::size_t count, std::size_t most) {
  std::vector<std::optional<std::size_t>> places;
  for (std::size_t at = 0; at < count; ++at) {
    if (count > most && at == (most + 1) / 2) {
      places.emplace_back();
      at = count - most / 2;
      if (at == count) {
        break;
      }
    }
    places.emplace_back(at);
  }
  return places;
}

/// REQUIRES: the text is no longer than the width; `…` counts as one letter.
std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(width - (text == ellipsis ? 1 : text.size()), ' ') + text;
}

/// The dimensions of a box that are shown, and how elements are found by their indices in these.
struct Layout {
  explicit Layout(const Values& all_values, const Box& whole, const PrintOptions& how)
      : values(all_values), box(whole), options(how), strides(box.size(), 1) {
    for (std::size_t at = box.size(); at-- > 0;) {
      strides[at] = at + 1 == box.size() ? 1 : strides[at + 1] * values.extents()[at + 1];
      if (!box[at].is_index) {
        shown.insert(shown.begin(), at);
      }
    }
  }

  std::string element(std::size_t at) const { return values.text(at, options.digits); }
  std::string label(std::size_t dimension, std::size_t n) const { return std::to_string(box[dimension][n]); }

  const Values& values;
  const Box& box;
  const PrintOptions& options;
  std::vector<std::size_t> strides;
  std::vector<std::size_t> shown;
};

/// One dimension: as many elements on a line as fit, the index of the first one before them.
std::string print_line(const Layout& layout, std::size_t dimension) {
  const std::size_t count = layout.box[dimension].count;
  const std::size_t label_width = layout.label(dimension, count - 1).size();
  // The widths are those of the elements that may be shown: lines hold at most the width's half.
  const std::size_t most = layout.options.all ? count : shown_rows * layout.options.width / (gap + 1);
  std::size_t width = 1;
  for (const auto& place : places(count, most)) {
    width = std::max(width, place ? layout.element(*place).size() : 1);
  }
  const std::size_t room = layout.options.width - std::min(layout.options.width, gap + label_width + 1);
  std::size_t a_line = std::max<std::size_t>(room / (width + gap), 1);
  a_line = a_line >= 10 ? a_line / 10 * 10 : a_line >= 5 ? 5 : a_line;
  const std::size_t lines = (count + a_line - 1) / a_line;
  std::string text;
  for (const auto& line : places(lines, layout.options.all ? lines : shown_rows)) {
    if (!line) {
      text += std::string(gap, ' ') + right_aligned(ellipsis, label_width) + '\n';
      continue;
    }
    const std::size_t first = *line * a_line;
    text += std::string(gap, ' ') + right_aligned(layout.label(dimension, first), label_width) + ':';
    for (std::size_t at = first; at < std::min(first + a_line, count); ++at) {
      text += std::string(gap, ' ') + right_aligned(layout.element(at), width);
    }
    text += '\n';
  }
  return text;
}

/// The texts of some columns of a plane, and how wide they are.
struct Columns {
  std::vector<std::optional<std::size_t>> places;
  std::vector<std::size_t> widths;
  std::size_t width = 0;  ///< of all of them
};

/// Two dimensions, from the element `first` on: indices to the left and above.
class Plane {
 public:
  Plane(const Layout& layout, std::size_t first)
      : layout_(layout),
        rows_(layout.shown[layout.shown.size() - 2]),
        columns_(layout.shown.back()),
        first_(first) {}

  std::string text() const {
    const std::size_t rows = layout_.box[rows_].count;
    const auto row_places = places(rows, layout_.options.all ? rows : shown_rows);
    const std::size_t label_width = layout_.label(rows_, rows - 1).size();
    const Columns columns = fitting(row_places, gap + label_width);
    std::string text(gap + label_width, ' ');
    for (std::size_t at = 0; at < columns.places.size(); ++at) {
      const auto& place = columns.places[at];
      text += std::string(gap, ' ') +
              right_aligned(place ? layout_.label(columns_, *place) : ellipsis, columns.widths[at]);
    }
    text += '\n';
    for (const auto& row : row_places) {
      text += std::string(gap, ' ') + right_aligned(row ? layout_.label(rows_, *row) : ellipsis, label_width);
      for (std::size_t at = 0; at < columns.places.size(); ++at) {
        text += std::string(gap, ' ') + right_aligned(cell(row, columns.places[at]), columns.widths[at]);
      }
      text += '\n';
    }
    return text;
  }

 private:
  std::string cell(std::optional<std::size_t> row, std::optional<std::size_t> column) const {
    return row && column
               ? layout_.element(first_ + *row * layout_.strides[rows_] + *column * layout_.strides[columns_])
               : ellipsis;
  }

  Columns measured(const std::vector<std::optional<std::size_t>>& rows, std::size_t most) const {
    Columns columns{places(layout_.box[columns_].count, most), {}, 0};
    for (const auto& place : columns.places) {
      std::size_t width = place ? layout_.label(columns_, *place).size() : 1;
      for (const auto& row : rows) {
        width = std::max(width, row && place ? cell(row, place).size() : 1);
      }
      columns.widths.push_back(width);
      columns.width += gap + width;
    }
    return columns;
  }

  /// As many columns as a line has room for, at least two.
  Columns fitting(const std::vector<std::optional<std::size_t>>& rows, std::size_t taken) const {
    const std::size_t count = layout_.box[columns_].count;
    if (layout_.options.all) {
      return measured(rows, count);
    }
    std::size_t most = std::min(count, layout_.options.width / (gap + 1));
    Columns columns = measured(rows, most);
    while (most > 2 && taken + columns.width > layout_.options.width) {
      columns = measured(rows, --most);
    }
    return columns;
  }

  const Layout& layout_;
  const std::size_t rows_;
  const std::size_t columns_;
  const std::size_t first_;
};

/// All planes, each under the slice that it is.
std::string print_planes(const Layout& layout) {
  const std::size_t outer = layout.shown.size() - 2;
  std::size_t count = 1;
  for (std::size_t at = 0; at < outer; ++at) {
    count *= layout.box[layout.shown[at]].count;
  }
  std::string text;
  for (const auto& plane : places(count, layout.options.all ? count : shown_planes)) {
    if (!plane) {
      text += std::string(gap, ' ') + ellipsis + '\n';
      continue;
    }
    Box slice = layout.box;
    std::vector<std::uint64_t> shape;
    std::size_t first = 0;
    std::size_t rest = *plane;
    for (std::size_t at = outer; at-- > 0;) {
      const std::size_t dimension = layout.shown[at];
      const std::size_t n = rest % layout.box[dimension].count;
      rest /= layout.box[dimension].count;
      first += n * layout.strides[dimension];
      slice[dimension] = {layout.box[dimension][n], 1, 1, true};
    }
    if (outer > 0) {
      for (const Range& range : layout.box) {
        shape.push_back(range[range.count - 1] + 1);
      }
      text += std::string(gap, ' ') + '[' + to_text(slice, shape) + "]\n";
    }
    text += Plane(layout, first).text();
  }
  return text;
}

}  // namespace

std::string print(const Values& values, const Box& box, const PrintOptions& options) {
  if (values.size() == 0) {
    return std::string(gap, ' ') + "no elements\n";
  }
  if (const std::string quoted = box.size() == 1 ? values.quoted() : ""; !quoted.empty()) {
    return std::string(gap, ' ') + quoted + '\n';
  }
  const Layout layout(values, box, options);
  return layout.shown.empty()       ? std::string(gap, ' ') + layout.element(0) + '\n'
         : layout.shown.size() == 1 ? print_line(layout, layout.shown.front())
                                    : print_planes(layout);
}

}  // namespace steps_viewer
