import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.bg.BulgarianAnalyzer;
import org.apache.lucene.analysis.bn.BengaliAnalyzer;
import org.apache.lucene.analysis.br.BrazilianAnalyzer;
import org.apache.lucene.analysis.ca.CatalanAnalyzer;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.ckb.SoraniAnalyzer;
import org.apache.lucene.analysis.cz.CzechAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.el.GreekAnalyzer;
import org.apache.lucene.analysis.email.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.et.EstonianAnalyzer;
import org.apache.lucene.analysis.eu.BasqueAnalyzer;
import org.apache.lucene.analysis.fa.PersianAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishAnalyzer;
import org.apache.lucene.analysis.gl.GalicianAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.hu.HungarianAnalyzer;
import org.apache.lucene.analysis.hy.ArmenianAnalyzer;
import org.apache.lucene.analysis.id.IndonesianAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.lt.LithuanianAnalyzer;
import org.apache.lucene.analysis.lv.LatvianAnalyzer;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ro.RomanianAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.sr.SerbianAnalyzer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.th.ThaiAnalyzer;
import org.apache.lucene.analysis.tr.TurkishAnalyzer;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * Analysis that every ordinary Elasticsearch has and the server of the tests lacks, over Lucene's own
 * classes: the language analyzers, {@code asciifolding}, and what the index of API keys is made with.
 */
public final class AnalysisForTests extends Plugin implements AnalysisPlugin {
    private static final Map<String, Supplier<Analyzer>> LANGUAGES = Map.ofEntries(
        Map.entry("arabic", ArabicAnalyzer::new),
        Map.entry("armenian", ArmenianAnalyzer::new),
        Map.entry("basque", BasqueAnalyzer::new),
        Map.entry("bengali", BengaliAnalyzer::new),
        Map.entry("brazilian", BrazilianAnalyzer::new),
        Map.entry("bulgarian", BulgarianAnalyzer::new),
        Map.entry("catalan", CatalanAnalyzer::new),
        Map.entry("cjk", CJKAnalyzer::new),
        Map.entry("czech", CzechAnalyzer::new),
        Map.entry("danish", DanishAnalyzer::new),
        Map.entry("dutch", DutchAnalyzer::new),
        Map.entry("english", EnglishAnalyzer::new),
        Map.entry("estonian", EstonianAnalyzer::new),
        Map.entry("finnish", FinnishAnalyzer::new),
        Map.entry("french", FrenchAnalyzer::new),
        Map.entry("galician", GalicianAnalyzer::new),
        Map.entry("german", GermanAnalyzer::new),
        Map.entry("greek", GreekAnalyzer::new),
        Map.entry("hindi", HindiAnalyzer::new),
        Map.entry("hungarian", HungarianAnalyzer::new),
        Map.entry("indonesian", IndonesianAnalyzer::new),
        Map.entry("irish", IrishAnalyzer::new),
        Map.entry("italian", ItalianAnalyzer::new),
        Map.entry("latvian", LatvianAnalyzer::new),
        Map.entry("lithuanian", LithuanianAnalyzer::new),
        Map.entry("norwegian", NorwegianAnalyzer::new),
        Map.entry("persian", PersianAnalyzer::new),
        Map.entry("portuguese", PortugueseAnalyzer::new),
        Map.entry("romanian", RomanianAnalyzer::new),
        Map.entry("russian", RussianAnalyzer::new),
        Map.entry("serbian", SerbianAnalyzer::new),
        Map.entry("sorani", SoraniAnalyzer::new),
        Map.entry("spanish", SpanishAnalyzer::new),
        Map.entry("swedish", SwedishAnalyzer::new),
        Map.entry("thai", ThaiAnalyzer::new),
        Map.entry("turkish", TurkishAnalyzer::new)
    );

    @Override
    public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
        Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> providers = new TreeMap<>();
        LANGUAGES.forEach((language, analyzer) ->
            providers.put(language, (index, environment, name, settings) -> new Provider(name, analyzer.get())));
        return providers;
    }

    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(
            // True: normalizers and queries with wildcards may use it.
            PreConfiguredTokenFilter.singleton("asciifolding", true, ASCIIFoldingFilter::new),
            // The ordinary one looks at all positions; none of our tests can tell.
            PreConfiguredTokenFilter.singleton("unique", false, RemoveDuplicatesTokenFilter::new)
        );
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of(
            "pattern_capture",
            AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) -> new PatternCapture(name, settings))
        );
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of(
            "uax_url_email",
            (index, environment, name, settings) -> TokenizerFactory.newFactory(name, UAX29URLEmailTokenizer::new)
        );
    }

    private record Provider(String name, Analyzer get) implements AnalyzerProvider<Analyzer> {
        @Override
        public AnalyzerScope scope() {
            return AnalyzerScope.INDEX;
        }
    }

    private static final class PatternCapture extends AbstractTokenFilterFactory {
        private final boolean preserveOriginal;
        private final Pattern[] patterns;

        PatternCapture(String name, Settings settings) {
            super(name, settings);
            preserveOriginal = settings.getAsBoolean("preserve_original", true);
            patterns = settings.getAsList("patterns").stream().map(Pattern::compile).toArray(Pattern[]::new);
        }

        @Override
        public TokenStream create(TokenStream tokens) {
            return new PatternCaptureGroupTokenFilter(tokens, preserveOriginal, patterns);
        }
    }
}
