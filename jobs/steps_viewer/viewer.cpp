#include "jobs/steps_viewer/viewer.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string_view>

#include "jobs/drawing/color_map.hpp"
#include "jobs/steps_viewer/field.hpp"
#include "jobs/steps_viewer/picture_of_field.hpp"
#include "jobs/steps_viewer/print.hpp"
#include "jobs/steps_viewer/reading.hpp"
#include "jobs/table.hpp"

namespace steps_viewer {
namespace {

using Clock = std::chrono::steady_clock;

/// What is left to do once the step is released.
using Show = std::function<void()>;

std::size_t number_in(const char* variable, std::size_t otherwise) {
  const char* const text = std::getenv(variable);
  std::size_t number = 0;
  if (text != nullptr) {
    (void)std::from_chars(text, text + std::string_view(text).size(), number);
  }
  return number != 0 ? number : otherwise;
}

// Launchers give their ranks pipes, or terminals without a size.
TerminalSize terminal_size(std::size_t wanted_columns) {
  winsize window{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0;
  const TerminalSize defaults;
  TerminalSize size{known ? window.ws_col : number_in("COLUMNS", defaults.columns),
                    known ? window.ws_row : number_in("LINES", defaults.lines)};
  size.columns = wanted_columns != 0 ? wanted_columns : std::max<std::size_t>(size.columns, 20);
  return size;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t extent : shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  }
  return text;
}

/// What is shown of the steps of one stream.
class Viewer {
 public:
  Viewer(const ViewerOptions& options, int ranks, std::FILE* out)
      : options_(options), ranks_(ranks), out_(out), size_(terminal_size(options.width)) {}

  /// Reads what the command shows of a step; the step may be released then. Throws locum::Error, and
  /// std::invalid_argument for what the variables of this stream do not have.
  Show read(const locum::InputStep& step) {
    const std::vector<locum::Variable> variables = step.variables();
    switch (options_.command) {
      case Command::list:
        return list(step, variables);
      case Command::print:
        return print_variable(step, wanted(step, variables));
      case Command::draw:
        return draw_variable(step, wanted(step, variables));
      case Command::statistics:
        return statistics(step, variables);
    }
    return {};
  }

 private:
  void say(const std::string& text) const {
    std::fwrite(text.data(), 1, text.size(), out_);
    std::fflush(out_);
  }

  static std::string title(const locum::InputStep& step) { return "step " + std::to_string(step.number()); }

  const locum::Variable& wanted(const locum::InputStep& step,
                                const std::vector<locum::Variable>& variables) const {
    return find(step, variables, options_.variables.front());
  }
  static const locum::Variable& find(const locum::InputStep& step,
                                     const std::vector<locum::Variable>& variables, const std::string& name) {
    const auto found = std::ranges::find(variables, name, &locum::Variable::name);
    if (found != variables.end()) {
      return *found;
    }
    std::string names;
    for (const locum::Variable& variable : variables) {
      names += (names.empty() ? "" : ", ") + variable.name;
    }
    throw std::invalid_argument(title(step) + " has no variable " + name + "; it has " +
                                (names.empty() ? "none" : names));
  }

  /// A value, or a short text; of several writers how many there are.
  std::string value_text(const locum::InputStep& step, const locum::Variable& variable) const {
    constexpr std::size_t longest_text = 40;
    const VariableKind kind = kind_of(variable);
    const bool is_text =
        kind == VariableKind::local_array && variable.type == "char[]" && variable.size_bytes <= longest_text;
    if (kind != VariableKind::value && !is_text) {
      return {};
    }
    if (variable.blocks > 1) {
      return std::to_string(variable.blocks) + " values";
    }
    const auto blocks = read_blocks(step, variable, ranks_);
    return blocks.empty() ? ""
           : is_text      ? blocks.front().values.quoted()
                          : blocks.front().values.text(0, options_.digits);
  }

  static std::string shape_cell(const locum::Variable& variable) {
    switch (kind_of(variable)) {
      case VariableKind::local_array:
        return "local";
      case VariableKind::value:
        return "value";
      case VariableKind::global_array:
      case VariableKind::opaque:
        break;
    }
    const auto shape = shape_text({variable.shape.span().begin(), variable.shape.span().end()});
    return shape.empty() ? "-" : shape;
  }

  Show list(const locum::InputStep& step, const std::vector<locum::Variable>& variables) const {
    jobs::Table table({"variable", "type", "shape", "blocks", "bytes", "value"});
    std::uint64_t bytes = 0;
    for (const locum::Variable& variable : variables) {
      bytes += variable.size_bytes;
      table.add({variable.name, variable.type, shape_cell(variable), std::to_string(variable.blocks),
                 jobs::format_bytes(static_cast<double>(variable.size_bytes)), value_text(step, variable)});
    }
    return [this, table, text = title(step) + ": " + jobs::format_bytes(static_cast<double>(bytes))] {
      say(text + '\n' + table.text());
    };
  }

  void require_shown(const locum::Variable& variable) const {
    if (kind_of(variable) == VariableKind::opaque) {
      throw std::invalid_argument(
          variable.name + " has the type " + variable.type + " and " + std::to_string(variable.size_bytes) +
          " bytes; only numbers, bool, byte, char and short vectors of reals can be shown");
    }
  }

  PrintOptions print_options() const {
    return {.width = size_.columns, .digits = options_.digits, .all = options_.all};
  }

  Show print_variable(const locum::InputStep& step, const locum::Variable& variable) const {
    if (kind_of(variable) == VariableKind::opaque) {
      return [this, text = title(step) + "  " + variable.name + "  " + variable.type + ", " +
                           jobs::format_bytes(static_cast<double>(variable.size_bytes)) +
                           ": elements of this type cannot be shown\n"] { say(text); };
    }
    if (kind_of(variable) != VariableKind::global_array) {
      return print_blocks(step, variable);
    }
    if (options_.writer) {
      throw std::invalid_argument(variable.name +
                                  " is a global array; take --slice in the place of --writer");
    }
    const std::vector<std::uint64_t> shape = shape_of(variable);
    const Box box = options_.slice.value_or(Slice()).of(shape);
    const Values values = read_box(step, variable, box);
    const std::string text = title(step) + "  " + variable.name + '[' + to_text(box, shape) + "]  " +
                             variable.type + " of " + shape_text(shape);
    return [this, values, box, text] { say(text + '\n' + print(values, box, print_options())); };
  }

  Show print_blocks(const locum::InputStep& step, const locum::Variable& variable) const {
    const auto blocks = read_blocks(step, variable, ranks_, options_.writer);
    const std::string text = title(step) + "  " + variable.name;
    return [this, blocks, text, type = variable.type] {
      for (const auto& [writer, values] : blocks) {
        const Box box = options_.slice && !values.extents().empty() ? options_.slice->of(values.extents())
                                                                    : Slice().of(values.extents());
        const std::string shape = shape_text(values.extents());
        const Values part = selected(values, box);
        const std::string of_writer = blocks.size() > 1 ? " of writer " + std::to_string(writer) : "";
        say(text + of_writer + "  " + type + (shape.empty() ? "" : " of " + shape) + '\n' +
            print(part, box, print_options()));
      }
    };
  }

  /// The part of a local array; only of those with one dimension a part can be taken.
  static Values selected(const Values& values, const Box& box) {
    if (box == Slice().of(values.extents())) {
      return values;
    }
    if (box.size() != 1) {
      throw std::invalid_argument(
          "a slice of a local array with several dimensions cannot be shown; leave it out");
    }
    return values.selected(box[0].start, box[0].count, box[0].stride);
  }

  Show draw_variable(const locum::InputStep& step, const locum::Variable& variable) const {
    require_shown(variable);
    const std::vector<std::uint64_t> shape = shape_of(variable);
    if (kind_of(variable) != VariableKind::global_array || shape.size() < 2) {
      throw std::invalid_argument(variable.name + " is no global array of two or more dimensions; use print");
    }
    const Box box = options_.slice ? options_.slice->of(shape) : middle_plane(shape);
    const Field field = field_of(read_box(step, variable, box), box);
    const std::string name = variable.name + '[' + to_text(box, shape) + ']';
    return [this, field, name, step = step.number(), type = variable.type, all = shape_text(shape)] {
      const ColorRange range = range_of(field, options_.minimum, options_.maximum);
      const std::string number = "step " + std::to_string(step);
      if (options_.terminal) {
        say(number + "  " + name + '\n' + draw_in_letters(field, range, colors_, size_));
        return;
      }
      const std::filesystem::path path = path_of_step(options_.output, step);
      const std::filesystem::path unfinished = path.string() + ".part";
      draw(field, range, {name, number, options_.stream + ": " + type + " of " + all}, colors_)
          .write_png(unfinished);
      std::filesystem::rename(unfinished, path);  // who looks at the path sees a whole picture
      say(number + "  " + name + "  " + path.string() + '\n');
    };
  }

  Show statistics(const locum::InputStep& step, const std::vector<locum::Variable>& variables) const {
    jobs::Table table({"variable", "type", "elements", "min", "mean", "max", "not finite"});
    const auto add = [&](const locum::Variable& variable) {
      Statistics found;
      if (kind_of(variable) == VariableKind::global_array) {
        found.add(read_box(step, variable, Slice().of(shape_of(variable))));
      } else {
        for (const auto& block : read_blocks(step, variable, ranks_)) {
          found.add(block.values);
        }
      }
      const auto text = [&](double number) {
        return found.finite == 0 ? "-" : to_text(number, options_.digits);
      };
      table.add({variable.name, variable.type, std::to_string(found.finite + found.others),
                 text(found.minimum), text(found.mean), text(found.maximum), std::to_string(found.others)});
    };
    if (options_.variables.empty()) {
      for (const locum::Variable& variable : variables) {
        if (kind_of(variable) != VariableKind::opaque) {
          add(variable);
        }
      }
    }
    for (const std::string& name : options_.variables) {
      const locum::Variable& variable = find(step, variables, name);
      require_shown(variable);
      add(variable);
    }
    return [this, table, text = title(step)] { say(text + '\n' + table.text()); };
  }

  const ViewerOptions& options_;
  const int ranks_;
  std::FILE* const out_;
  const TerminalSize size_;
  const jobs::ColorMap colors_;
};

void complain(const std::string& stream, const std::string& what) {
  std::fprintf(stderr, "locum-steps: stream %s: %s\n", stream.c_str(), what.c_str());
}

/// Whether a step is wanted that came now.
class Choice {
 public:
  explicit Choice(const ViewerOptions& options) : options_(options) {}

  bool takes(std::uint64_t number) {
    const auto now = Clock::now();
    if (number % options_.every != 0 || (shown_ > 0 && now < next_)) {
      return false;
    }
    next_ =
        now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.interval_s));
    ++shown_;
    return true;
  }
  bool is_over() const { return options_.steps != 0 && shown_ >= options_.steps; }
  std::uint64_t shown() const { return shown_; }

 private:
  const ViewerOptions& options_;
  std::uint64_t shown_ = 0;
  Clock::time_point next_;
};

/// Until the stream ends, or enough is shown. Throws what Viewer::read() and the reader throw.
void follow(locum::StepReader& reader, const ViewerOptions& options, Viewer& viewer) {
  const std::chrono::duration<double> patience(options.timeout_s);
  Choice choice(options);
  while (!choice.is_over()) {
    auto step = options.latest ? reader.latest(patience) : reader.next(patience);
    if (!step) {
      if (step.error().code() != locum::Errc::end_of_stream) {
        throw step.error();
      }
      if (choice.shown() == 0) {
        throw std::runtime_error("it ended before a step could be shown");
      }
      return;
    }
    if (choice.takes(step->number())) {
      const Show show = viewer.read(*step);
      step->release();
      show();
    }
  }
}

}  // namespace

bool view(locum::Runtime& runtime, const ViewerOptions& options, std::FILE* out) {
  try {
    Viewer viewer(options, runtime.size(), out);
    locum::StepReader reader(runtime, options.stream, MPI_COMM_SELF,
                             {.start_at = options.latest ? locum::StartAt::newest : locum::StartAt::oldest});
    follow(reader, options, viewer);
    return true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    complain(options.stream, error.what());
    return false;
  }
}

}  // namespace steps_viewer
