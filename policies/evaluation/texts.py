"""One text in each of the paper's eleven languages, by espeak-ng voice.

Article 1 of the Universal Declaration of Human Rights, followed by sentences rich in lip consonants
and rounded vowels.
"""

from typing import Final

TEXTS: Final = {
    "en-us": (
        "All human beings are born free and equal in dignity and rights. They are endowed with "
        "reason and conscience and should act towards one another in a spirit of brotherhood. "
        "Bob, my mum moves the upper shelf. Five wolves push a puppy through the blue woods. "
        "Which boy heard the measure of thunder? Now go home, said the vague old judge."
    ),
    "fr": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués "
        "de raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
        "fraternité. Un bon vin blanc, brun ou jaune, feuille de chou, la lune et la montagne. "
        "Le jeune peuple veut du beurre, et lui huit oies, oui, mon ami."
    ),
    "ja": (
        "すべてのにんげんは、うまれながらにしてじゆうであり、かつ、そんげんとけんりとに"
        "ついてびょうどうである。ふゆのばんにぱんをたべて、みみずくとぼんぼりをみた。"
        "ちゃわんとつくえ、ぎゅうにゅう、りょこう、しゃしん、わたしのへや、ざっし、びっくり。"
    ),
    "ko": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "
        "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다. "
        "아버지가 밥과 빵을 먹었어요. 왜 뿌리가 푸르고 나비는 위에 있을까? 의사가 쭉 찍었다."
    ),
    "es": (
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como "
        "están de razón y conciencia, deben comportarse fraternalmente los unos con los otros. "
        "El perro bebe mucha agua, un buen huevo frío. Mañana llueve, voy a jugar con mi abuela."
    ),
    "it": (
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati "
        "di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di "
        "fratellanza. La mamma beve un bicchiere di vino, gli gnocchi e la pizza, uova e scuola."
    ),
    "de": (
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft "
        "und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen. "
        "Ich möchte fünf Apfelkuchen, böse Löwen, junge Häuser, heute neun Mäuse und Dschungel."
    ),
    "ru": (
        "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены "
        "разумом и совестью и должны поступать в отношении друг друга в духе братства. "
        "Мой папа любит борщ, щука плывёт, пять мышей и жук, вьюга, фонарь, объём, цифры."
    ),
    "cmn": (
        "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
        "我们爸爸妈妈买苹果和面包，风飞过佛山。你去月球，女儿吃鱼，日子热，四十四只石狮子。"
    ),
    "he": (
        "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך "
        "חובה עליהם לנהוג איש ברעהו ברוח של אחווה. שלום לכם, מה נשמע היום, אבא ואמא בבית."
    ),
    "ar": (
        "يُولَدُ جَمِيعُ النَّاسِ أَحْرَارًا مُتَسَاوِينَ فِي الكَرَامَةِ وَالحُقُوقِ. وَقَدْ وُهِبُوا عَقْلًا وَضَمِيرًا "
        "وَعَلَيْهِمْ أَنْ يُعَامِلَ بَعْضُهُمْ بَعْضًا بِرُوحِ الإِخَاءِ. مَرْحَبًا بِكُم، كَيفَ حَالُكُم، الظِّلُّ وَالضَّوْءُ وَالطَّيْرُ."
    ),
}
