#include "api/cli/command_line.hpp"

#include "api/cli/client.hpp"
#include "api/json/tables.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>

namespace tidemark::api {

namespace {

// What `tidemark --help` and each `tidemark SUBCOMMAND --help` end with.
constexpr const char* first_steps =
    "\nFirst steps:\n"
    "  tidemark serve --data ./data                     start a server on 127.0.0.1:8080\n"
    "  tidemark simulate --days 30                      give it a month of sales\n"
    "  tidemark kpi                                     see what came of it\n"
    "  tidemark SUBCOMMAND --help                       options and examples of each\n"
    "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 some rows or commands were rejected.\n"
    "Completion: source <(tidemark completion bash)";

CLI::Option* add_config(CLI::App& app, std::filesystem::path& config) {
    return app.add_option("-c,--config", config, "YAML file with the settings of its server (or TIDEMARK_CONFIG)")
        ->check(CLI::ExistingFile);
}

void add_where(CLI::App& app, Where& where) {
    auto* server = app.add_option("-s,--server", where.server, "the server to speak to")
                       ->capture_default_str()
                       ->check(CLI::Validator(
                           [](const std::string& url) {
                               const auto parsed = parse_server(url);
                               return parsed ? std::string() : parsed.error();
                           },
                           ""));
    auto* data = app.add_option("-d,--data", where.data, "open this data directory instead, and serve it meanwhile")
                     ->excludes(server);
    add_config(app, where.config)->needs(data);
    app.add_option("--tenant", where.tenant, "tenant of what does not name one; the default one if not said");
}

void add_store(CLI::App& app, OpenedBy& store) {
    app.add_option("-d,--data", store.data, "data directory; no server may have it open")->required();
    add_config(app, store.config);
}

void add_serve(CLI::App& root, Arguments& chosen, const std::string& settings_help) {
    auto* app = root.add_subcommand("serve", "run a server on a data directory");
    auto arguments = std::make_shared<ServeArguments>();
    app->add_option("-c,--config", arguments->config, "YAML file with settings (or TIDEMARK_CONFIG)")
        ->check(CLI::ExistingFile);
    const auto setting = [&](const char* flag, const char* name, const char* about) {
        app->add_option_function<std::string>(
            flag, [arguments, name](const std::string& value) { arguments->settings.emplace_back(name, value); },
            about);
    };
    setting("-d,--data", "data", "data directory; made if it is not there");
    setting("-l,--listen", "listen", "loopback address and port, 127.0.0.1:8080; port 0: any free one");
    setting("--threads", "http.threads", "threads that serve connections; 0: as many as there are cores");
    setting("--partitions", "partitions", "of a new log; fixed once it is made");
    setting("--log-level", "logging.level", "debug, info, warn or error");
    setting("--log-format", "logging.format", "text or json");
    app->add_option_function<std::vector<std::string>>(
           "--set",
           [arguments](const std::vector<std::string>& pairs) {
               for (const std::string& pair : pairs) {
                   const auto equals = pair.find('=');
                   if (equals == std::string::npos) throw CLI::ValidationError("--set", pair + ": takes KEY=VALUE");
                   arguments->settings.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
               }
           },
           "any setting, as KEY=VALUE")
        ->allow_extra_args(false);
    app->footer(settings_help +
                "\nFlags go before the environment (TIDEMARK_DATA, TIDEMARK_LISTEN ...), that before the file.\n"
                "There is no authentication yet: only loopback addresses are accepted.\n"
                "SIGTERM or SIGINT answers what was taken, writes what is held in memory, and ends.\n"
                "\nExamples:\n"
                "  tidemark serve --data ./data\n"
                "  tidemark serve --data ./data --listen 127.0.0.1:9000 --log-format json");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_import(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("import", "import CSV files as a mapping says");
    auto arguments = std::make_shared<ImportArguments>();
    app->add_option("MAPPING", arguments->mapping, "YAML file: how rows become commands")
        ->required()
        ->check(CLI::ExistingFile);
    app->add_option("FILES", arguments->files, "CSV files, plain or gzipped, told apart by name")
        ->required()
        ->check(CLI::ExistingFile);
    add_where(*app, arguments->where);
    app->add_option("--rejects", arguments->rejects, "directory for files of rejected rows")
        ->check(CLI::ExistingDirectory)
        ->capture_default_str();
    app->add_option("--key", arguments->key, "key file for mappings with personal columns; made if it is not there");
    app->add_flag("--dry-run", arguments->dry_run, "check every row and send nothing");
    app->add_flag("--json", arguments->json, "report as JSON");
    app->footer(
        "\nImporting again changes nothing: command ids are made of source, key and content of each row.\n"
        "Rejected rows go to NAME.rejects.csv with the reason; mend them there and import that file.\n"
        "\nExamples:\n"
        "  tidemark import maven_crm.yaml accounts.csv products.csv sales_teams.csv sales_pipeline.csv\n"
        "  tidemark import --dry-run scms_delivery.yaml scms_delivery.csv.gz\n"
        "  tidemark import maven_crm.yaml sales_teams.csv sales_pipeline.rejects.csv");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_send(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("send", "send commands from a file, one JSON object a line");
    auto arguments = std::make_shared<SendArguments>();
    app->add_option("FILE", arguments->file, "NDJSON file; - for standard input")->required();
    add_where(*app, arguments->where);
    app->add_flag("--json", arguments->json, "print the outcome of each line as JSON, in their order");
    app->footer(
        "\nA line without a command_id gets a random one: give each its own, and sending the file again changes "
        "nothing. Standard input is sent as it comes.\n"
        "\nExamples:\n"
        "  tidemark send commands.ndjson\n"
        "  echo '{\"stream_id\":\"c1\",\"customer\":{\"create_customer\":{\"name\":\"张三\"}}}' | tidemark send -");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_kpi(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("kpi", "show key figures");
    auto arguments = std::make_shared<KpiArguments>();
    app->add_option("NAME", arguments->name, "which one, as a series; all of them in one table if not said");
    add_where(*app, arguments->where);
    app->add_option("--from", arguments->from, "first day, 2026-01-31");
    app->add_option("--to", arguments->to, "day after the last");
    app->add_option("--grain", arguments->grain, "hour, day, week, month, quarter or year");
    app->add_option("--by", arguments->by, "dimensions: owner, region, product ...")->delimiter(',');
    app->add_option("--filter", arguments->filter, "dimension:value, with commas between")->delimiter(',');
    app->add_flag("--json", arguments->json, "as JSON");
    app->footer(
        "\nExamples:\n"
        "  tidemark kpi\n"
        "  tidemark kpi win_rate --grain month --by owner\n"
        "  tidemark kpi won_value --from 2026-01-01 --to 2026-04-01 --grain week --filter region:East");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_replay(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("replay", "fold history again, or show the events of one stream");
    auto arguments = std::make_shared<ReplayArguments>();
    add_store(*app, arguments->store);
    app->add_option("STREAM", arguments->stream, "kind/id: show its events");
    app->add_option("--tenant", arguments->tenant, "tenant of STREAM; the default one if not said");
    app->add_flag("--verify", arguments->verify, "compare the folded states with the stored snapshots");
    app->add_flag("--json", arguments->json, "as JSON");
    app->footer(
        "\nExamples:\n"
        "  tidemark replay --data ./data --verify\n"
        "  tidemark replay --data ./data sale/s-000042");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_rebuild(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("rebuild", "make views or derived stores again from the log");
    auto arguments = std::make_shared<RebuildArguments>();
    app->add_option("WHAT", arguments->what, "views, derived, or names of views; both if not said");
    add_store(*app, arguments->store);
    app->add_flag("--json", arguments->json, "a line of JSON for each of the two");
    app->footer(
        "\nExamples:\n"
        "  tidemark rebuild --data ./data\n"
        "  tidemark rebuild views --data ./data\n"
        "  tidemark rebuild kpi sales --data ./data");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_check(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("check", "verify the log and what is derived from it");
    auto arguments = std::make_shared<CheckArguments>();
    add_store(*app, arguments->store);
    app->add_flag("--json", arguments->json, "report as JSON");
    app->footer(
        "\nEvery hash, position, version and derived row is compared; the exit code is 1 if there is a fault.\n"
        "\nExample:\n  tidemark check --data ./data");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_backup(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("backup", "copy the log of a running server, and read the copy back");
    auto arguments = std::make_shared<BackupArguments>();
    app->add_option("NAME", arguments->name, "what it is called; the time if not said");
    add_where(*app, arguments->where);
    app->add_option("--verify", arguments->verify, "only read this backup back")->check(CLI::ExistingDirectory);
    app->add_flag("--json", arguments->json, "as JSON");
    app->footer(
        "\nThe server writes it into the directory of its setting `backups`; run this on the same machine. Everything\n"
        "that was acknowledged before is in it. Copy it to another machine: files are shared with the data directory\n"
        "as long as both lie on one disk. It holds the keys: keep it as safe as the data directory.\n"
        "\nExamples:\n"
        "  tidemark backup\n"
        "  tidemark backup before-the-upgrade\n"
        "  tidemark backup --verify /mnt/elsewhere/before-the-upgrade");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_restore(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("restore", "put a backup into a data directory");
    auto arguments = std::make_shared<RestoreArguments>();
    app->add_option("BACKUP", arguments->backup, "directory of the backup")->required()->check(CLI::ExistingDirectory);
    app->add_option("-d,--data", arguments->data, "data directory; no server may have it open")->required();
    app->add_flag("--replace", arguments->replace, "move what is in the data directory to DATA/replaced first");
    app->add_flag("--json", arguments->json, "as JSON");
    app->footer(
        "\nThe backup is verified first: every hash and every record. The restored log is a new incarnation: "
        "positions\n"
        "and cursors that clients kept from the former one are refused, and said to be so. Derived stores and views\n"
        "are made again when the server starts.\n"
        "\nExamples:\n"
        "  tidemark restore data-backups/before-the-upgrade --data ./data\n"
        "  tidemark restore data-backups/before-the-upgrade --data ./data --replace");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_simulate(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("simulate", "play a sales operation: the same seed plays the same one");
    auto arguments = std::make_shared<SimulateArguments>();
    add_where(*app, arguments->where);
    app->add_option("--seed", arguments->seed, "which operation")->capture_default_str();
    app->add_option("--days", arguments->days, "how many days of it")
        ->check(CLI::Range(1, 3650))
        ->capture_default_str();
    app->add_option("--customers", arguments->customers, "that there are in the beginning")
        ->check(CLI::Range(1, 10'000'000))
        ->capture_default_str();
    app->add_option("--sales-per-day", arguments->sales_per_day, "opened on an average working day")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app->add_option("--end", arguments->end, "day after the last one, 2026-01-31; today if not said");
    app->add_option("--rate", arguments->rate, "commands per second; 0: as fast as they are taken")
        ->capture_default_str();
    app->add_option("--write", arguments->write, "write the commands there as NDJSON instead of sending them");
    app->add_flag("--json", arguments->json, "report as JSON");
    app->footer(
        "\nExamples:\n"
        "  tidemark simulate --days 90 --seed 7\n"
        "  tidemark simulate --rate 20\n"
        "  tidemark simulate --days 365 --customers 5000 --write year.ndjson");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

void add_bench(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("bench", "measure this machine: floors and figures side by side");
    auto arguments = std::make_shared<BenchArguments>();
    app->add_option("-d,--data", arguments->data,
                    "empty directory to work in, removed afterwards; a temporary one if not said");
    app->add_option("--seconds", arguments->seconds, "for each burst")
        ->check(CLI::Range(1, 600))
        ->capture_default_str();
    app->add_option("--sustain", arguments->sustain, "seconds of steady load")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    app->add_option("--live", arguments->live, "sales that are open and changing")
        ->check(CLI::Range(100, 10'000'000))
        ->capture_default_str();
    app->add_option("--only", arguments->only, "these sections only")
        ->delimiter(',')
        ->check(CLI::IsMember({"floors", "process", "sustained", "bulk", "singles", "history", "sizes"}));
    app->add_option("--events", arguments->events, "in the log for scan, replay and rebuild")->capture_default_str();
    app->add_option("--json", arguments->json, "write the figures there as JSON too");
    app->footer(
        "\nOther subcommands print JSON instead of text when they are given --json. This one takes minutes, and "
        "prints\n"
        "text as it goes: its --json names a file that gets the figures too.\n"
        "\nExample:\n  tidemark bench --seconds 5 --json bench.json");
    app->callback([&chosen, arguments] { chosen = *arguments; });
}

std::string words(const std::vector<std::string>& list) {
    std::string all;
    for (const std::string& word : list) all += (all.empty() ? "" : " ") + word;
    return all;
}

// Completes subcommands and flags; everything else as files.
std::string bash_completion(const CLI::App& root) {
    std::vector<std::string> subcommands;
    std::string cases;
    for (const CLI::App* app : root.get_subcommands({})) {
        subcommands.push_back(app->get_name());
        std::vector<std::string> flags;
        for (const CLI::Option* option : app->get_options()) {
            for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
        }
        cases += "        " + app->get_name() + ") words=\"" + words(flags) + "\" ;;\n";
    }
    return "# bash completion of tidemark: source <(tidemark completion bash)\n"
           "_tidemark() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} words=\n"
           "    if ((COMP_CWORD == 1)); then\n"
           "        COMPREPLY=($(compgen -W \"" +
           words(subcommands) +
           " --help --version\" -- \"$current\"))\n"
           "        return\n"
           "    fi\n"
           "    case ${COMP_WORDS[1]} in\n" +
           cases +
           "    esac\n"
           "    if [[ $current == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "    else\n"
           "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
           "    fi\n"
           "}\n"
           "complete -o filenames -F _tidemark tidemark\n";
}

void add_completion(CLI::App& root, Arguments& chosen) {
    auto* app = root.add_subcommand("completion", "print the script that completes command lines");
    auto shell = std::make_shared<std::string>();
    app->add_option("SHELL", *shell, "bash")->required()->check(CLI::IsMember({"bash"}));
    app->footer("\nExample:\n  source <(tidemark completion bash)");
    app->callback([&root, &chosen, shell] { chosen = CompletionArguments{.script = bash_completion(root)}; });
}

// The first word, if it is no subcommand: CLI11 would say that one is missing.
std::string unknown_subcommand(const CLI::App& root, int argc, const char* const* argv) {
    if (argc < 2 || argv[1][0] == '-') return {};
    const std::string word = argv[1];
    std::vector<std::string> names;
    for (const CLI::App* app : root.get_subcommands({})) names.push_back(app->get_name());
    if (std::ranges::find(names, word) != names.end()) return {};
    const std::string_view near = json::nearest_of(word, {names.begin(), names.end()});
    return "there is no subcommand '" + word + "'" +
           (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?") + "\nThere are " +
           words(names) + "; `tidemark --help` says what each does";
}

}  // namespace

Arguments parse_command_line(int argc, const char* const* argv, const std::string& settings_help) {
    CLI::App root{"Tidemark: an event-sourced CRM backend. Commands in, events kept, views and key figures out.",
                  "tidemark"};
    root.set_version_flag("--version", std::string("tidemark 0.1.0"));
    root.require_subcommand(1);
    root.footer(first_steps);
    Arguments chosen;
    add_serve(root, chosen, settings_help);
    add_import(root, chosen);
    add_send(root, chosen);
    add_kpi(root, chosen);
    add_simulate(root, chosen);
    add_replay(root, chosen);
    add_rebuild(root, chosen);
    add_check(root, chosen);
    add_backup(root, chosen);
    add_restore(root, chosen);
    add_bench(root, chosen);
    add_completion(root, chosen);
    if (const std::string unknown = unknown_subcommand(root, argc, argv); !unknown.empty()) {
        std::cerr << "tidemark: " << unknown << '\n';
        return Finished{ExitCode::usage};
    }
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const bool told = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success);  // --help, --version
        root.exit(error, std::cout, std::cerr);
        return Finished{told ? ExitCode::ok : ExitCode::usage};
    }
    return chosen;
}

}  // namespace tidemark::api
