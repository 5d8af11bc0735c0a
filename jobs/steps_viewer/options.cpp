#include "jobs/steps_viewer/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <stdexcept>

namespace steps_viewer {
namespace {

constexpr const char* description =
    "Lists, prints and draws a stream of steps while the programs of the same job write and read it:\n"
    "  mpirun -n 4 ./simulation : -n 1 locum-steps list STREAM\n"
    "Start it as one rank. It takes the options of the runtime from the other programs. Its errors do not "
    "end the\n"
    "job: it leaves the stream and waits for the others, and its exit status is then 1.\n";

constexpr const char* footer =
    "A SLICE is written as in numpy: 48,:,::2 is the plane 48 with every second column; ... stands for all\n"
    "dimensions that are left. Without --latest each step waits in its queue until it is shown: where the "
    "writer\n"
    "waits for room, it may wait for locum-steps. A step is released before it is printed or drawn.";

/// The command line, which fills in these options. REQUIRES: they outlive it.
class CommandLine {
 public:
  explicit CommandLine(ViewerOptions& options) : options_(options), app_(description, "locum-steps") {
    app_.require_subcommand(1);
    app_.footer(footer);
    add_list();
    add_print();
    add_draw();
    add_statistics();
  }

  CLI::App& app() { return app_; }

 private:
  CLI::App* add(Command command, const char* name, const char* text) {
    CLI::App* const made = app_.add_subcommand(name, text);
    made->footer(footer);
    made->callback([this, command] { options_.command = command; });
    made->add_option("STREAM", options_.stream, "Name of the stream")->required();
    return made;
  }

  void add_choice_of_steps(CLI::App* app) {
    app->add_option("--steps", options_.steps,
                    "Leave the stream after that many steps (default: at its end)");
    app->add_option("--every", options_.every, "Show the steps whose number it divides")
        ->check(CLI::Range(std::uint64_t{1}, std::numeric_limits<std::uint64_t>::max()))
        ->capture_default_str();
    app->add_option("--interval", options_.interval_s, "Show no two steps within that many seconds")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app->add_flag("--latest", options_.latest, "Show the newest step each time, and skip those before it");
    app->add_option("--timeout", options_.timeout_s, "Longest wait for a step, in seconds")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app->add_option(
           "--splits", options_.splits,
           "How often the other programs call MPI_Comm_split(MPI_COMM_WORLD, …) before they open the "
           "runtime: locum-steps takes part with MPI_UNDEFINED")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
  }

  void add_format(CLI::App* app) {
    app->add_option("--digits", options_.digits, "Significant digits of reals")
        ->check(CLI::Range(1, 17))
        ->capture_default_str();
    add_width(app);
  }
  void add_width(CLI::App* app) {
    app->add_option("--width", options_.width, "Letters of a line (default: those of the terminal, or 80)")
        ->check(CLI::Range(std::size_t{20}, std::size_t{10'000}));
  }

  void add_variable(CLI::App* app) {
    app->add_option("VARIABLE", options_.variables, "Name of the variable")->required()->expected(1);
    app->add_option_function<std::string>(
        "--slice", [this](const std::string& text) { options_.slice.emplace(text); }, "Which part of it");
  }

  void add_list() {
    CLI::App* const app =
        add(Command::list, "list", "The variables of each step: types, shapes, sizes, values");
    add_choice_of_steps(app);
    add_format(app);
  }
  void add_print() {
    CLI::App* const app = add(Command::print, "print", "The values of a variable");
    add_variable(app);
    app->add_option("--writer", options_.writer, "Of a local array: that of this rank of the writer")
        ->check(CLI::NonNegativeNumber);
    app->add_flag("--all", options_.all, "Print all elements, however long the lines are");
    add_choice_of_steps(app);
    add_format(app);
  }
  void add_draw() {
    CLI::App* const app = add(Command::draw, "draw", "A picture of two dimensions of a global array");
    add_variable(app);
    auto* const output =
        app->add_option("--output", options_.output,
                        "Path of the PNG, with %d or %05d for the number of the step (default: "
                        "VARIABLE-%05d.png)");
    app->add_flag("--terminal", options_.terminal, "Draw in letters with 24-bit colours")->excludes(output);
    app->add_option("--min", options_.minimum, "Number of the darkest colour (default: the least one)");
    app->add_option("--max", options_.maximum, "Number of the lightest colour (default: the greatest one)");
    add_choice_of_steps(app);
    add_width(app);
  }
  void add_statistics() {
    CLI::App* const app = add(Command::statistics, "stat", "Minimum, mean and maximum of variables");
    app->add_option("VARIABLE", options_.variables, "Names of the variables (default: all)");
    add_choice_of_steps(app);
    add_format(app);
  }

  ViewerOptions& options_;
  CLI::App app_;
};

/// The help of the subcommand that was asked for help, or of the whole program.
std::string help_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.help() : chosen.front()->help();
}

}  // namespace

std::variant<ViewerOptions, HelpWanted, UsageError> parse_options(std::vector<std::string> arguments) {
  ViewerOptions options;
  CommandLine command_line(options);
  std::ranges::reverse(arguments);  // as CLI11 wants them
  try {
    command_line.app().parse(std::move(arguments));
    if (options.output.empty() && options.command == Command::draw) {
      options.output = options.variables.front();
      std::ranges::replace(options.output, '/', '_');
      std::string escaped;
      for (const char letter : options.output) {
        escaped += letter == '%' ? "%%" : std::string(1, letter);
      }
      options.output = escaped + "-%05d.png";
    }
    (void)path_of_step(options.output, 0);
  } catch (const CLI::CallForHelp&) {
    return HelpWanted{help_of(command_line.app())};
  } catch (const CLI::ParseError& error) {
    return UsageError{error.what()};
  } catch (const std::invalid_argument& error) {
    return UsageError{error.what()};
  }
  if (options.minimum && options.maximum && *options.minimum >= *options.maximum) {
    return UsageError{"--min is not below --max"};
  }
  return options;
}

std::string path_of_step(const std::string& pattern, std::uint64_t step) {
  std::string path;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '%') {
      path += pattern[at];
      continue;
    }
    if (pattern.compare(at, 2, "%%") == 0) {
      path += '%';
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    std::size_t width = 0;
    while (end < pattern.size() && pattern[end] >= '0' && pattern[end] <= '9' && width < 100) {
      width = 10 * width + static_cast<std::size_t>(pattern[end++] - '0');
    }
    if (end == pattern.size() || pattern[end] != 'd' || width > 20) {
      throw std::invalid_argument("the path " + pattern +
                                  " has a % that is neither %d nor %05d; write %% for the letter");
    }
    const std::string number = std::to_string(step);
    path += std::string(width > number.size() ? width - number.size() : 0, '0') + number;
    at = end;
  }
  return path;
}

}  // namespace steps_viewer
